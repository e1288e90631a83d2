import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.flink.api.common.JobStatus;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.StatementSet;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Runs a script of SQL in a cluster inside this process: RunSql SCRIPT [KEY=VALUE ...]. Its INSERTs are one job. The
 * process stays when the job has ended, until it is sent SIGTERM, so that what it used can be read.
 */
public class RunSql {
  public static void main(String[] arguments) throws Exception {
    Configuration settings = new Configuration();
    for (int index = 1; index < arguments.length; index++) {
      String[] setting = arguments[index].split("=", 2);
      settings.setString(setting[0], setting[1]);
    }
    TableEnvironment tables =
        TableEnvironment.create(
            EnvironmentSettings.newInstance().inStreamingMode().withConfiguration(settings).build());
    StatementSet inserts = tables.createStatementSet();
    for (String statement : Files.readString(Path.of(arguments[0])).split(";")) {
      String text = statement.strip();
      if (text.startsWith("INSERT")) inserts.addInsertSql(text);
      else if (!text.isEmpty()) tables.executeSql(text);
    }
    JobClient job = inserts.execute().getJobClient().orElseThrow();
    while (job.getJobStatus().get() == JobStatus.CREATED) Thread.sleep(20);
    System.err.println("Flink runs");
    try {
      job.getJobExecutionResult().get();
    } catch (Exception error) {
      error.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
    System.err.println("Flink has ended its job");
    Thread.currentThread().join();
  }
}
