import io.debezium.engine.ChangeEvent;
import io.debezium.engine.DebeziumEngine;
import io.debezium.engine.format.Json;
import java.io.FileInputStream;
import java.io.FileWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Properties;

/**
 * Runs a connector and writes each of its records as a line {"key": ..., "value": ...} to a file, until it is
 * sent SIGTERM: RunDebezium SETTINGS RECORDS
 */
public class RunDebezium {
  public static void main(String[] arguments) throws Exception {
    Properties settings = new Properties();
    try (FileInputStream file = new FileInputStream(arguments[0])) {
      settings.load(file);
    }
    PrintWriter records = new PrintWriter(new FileWriter(arguments[1], StandardCharsets.UTF_8, true));
    DebeziumEngine<ChangeEvent<String, String>> engine =
        DebeziumEngine.create(Json.class)
            .using(settings)
            .using(
                new DebeziumEngine.ConnectorCallback() {
                  @Override
                  public void taskStarted() {
                    System.err.println("Debezium started");
                  }
                })
            .using(
                (isSuccess, message, error) -> {
                  if (isSuccess) return;
                  System.err.println(message);
                  Runtime.getRuntime().halt(1);
                })
            .notifying(
                (batch, committer) -> {
                  for (ChangeEvent<String, String> record : batch) {
                    records.append("{\"key\":" + record.key() + ",\"value\":" + record.value() + "}\n");
                    committer.markProcessed(record);
                  }
                  records.flush();
                  committer.markBatchFinished();
                })
            .build();
    Thread running = new Thread(engine);
    running.start();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> close(engine)));
    running.join();
  }

  private static void close(DebeziumEngine<?> engine) {
    try {
      engine.close();
    } catch (Exception error) {
      error.printStackTrace();
    }
  }
}
