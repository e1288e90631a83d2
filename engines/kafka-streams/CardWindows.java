import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Count, sum and max of a card's amounts over the hour up to and with each payment, exact for payments in the order of
 * their times: CardWindows SETTINGS. A card's payments of the hour are one value of the store, (time, amount) by (time,
 * amount), which is read and written once a payment.
 */
public class CardWindows {
  private static final String STORE = "hours";
  private static final long HOUR_MS = 3_600_000;
  private static final int ENTRY_BYTES = 16;

  public static void main(String[] arguments) throws Exception {
    Properties settings = new Properties();
    try (FileInputStream file = new FileInputStream(arguments[0])) {
      settings.load(file);
    }
    KafkaStreams streams =
        new KafkaStreams(topologyOf(settings), settings);
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          return StreamThreadExceptionResponse.SHUTDOWN_APPLICATION;
        });
    streams.setStateListener(
        (now, before) -> {
          if (now == KafkaStreams.State.RUNNING) System.err.println("Kafka Streams runs");
          if (now == KafkaStreams.State.ERROR) Runtime.getRuntime().halt(1);
        });
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }

  private static Topology topologyOf(Properties settings) {
    var bytes = Serdes.ByteArray();
    var hours =
        Stores.keyValueStoreBuilder(Stores.persistentKeyValueStore(STORE), Serdes.String(), Serdes.ByteArray());
    if (Boolean.parseBoolean(settings.getProperty("store.cached"))) hours = hours.withCachingEnabled();
    return new Topology()
        .addSource("payments", bytes.deserializer(), bytes.deserializer(), settings.getProperty("from.topic"))
        .addProcessor("window", Window::new, "payments")
        .addStateStore(hours, "window")
        .addSink("windows", settings.getProperty("to.topic"), bytes.serializer(), bytes.serializer(), "window");
  }

  private static final class Window implements Processor<byte[], byte[], byte[], byte[]> {
    private final JsonFactory json = new JsonFactory();
    private ProcessorContext<byte[], byte[]> context;
    private KeyValueStore<String, byte[]> hours;

    @Override
    public void init(ProcessorContext<byte[], byte[]> context) {
      this.context = context;
      hours = context.getStateStore(STORE);
    }

    @Override
    public void process(Record<byte[], byte[]> record) {
      Payment payment = read(record.value());
      byte[] held = hours.get(payment.card);
      int heldBytes = held == null ? 0 : held.length;
      int from = 0;
      ByteBuffer before = ByteBuffer.wrap(held == null ? new byte[0] : held);
      while (from < heldBytes && before.getLong(from) <= payment.timeMs - HOUR_MS) from += ENTRY_BYTES;
      ByteBuffer after = ByteBuffer.allocate(heldBytes - from + ENTRY_BYTES);
      if (held != null) after.put(held, from, heldBytes - from);
      after.putLong(payment.timeMs).putLong(payment.amount);
      hours.put(payment.card, after.array());
      context.forward(record.withValue(write(payment, after)));
    }

    private static byte[] write(Payment payment, ByteBuffer hour) {
      long sum = 0;
      long max = Long.MIN_VALUE;
      for (int at = 8; at < hour.capacity(); at += ENTRY_BYTES) {
        long amount = hour.getLong(at);
        sum += amount;
        max = Math.max(max, amount);
      }
      String text =
          "{\"eventId\":\"" + payment.eventId + "\",\"cardToken\":\"" + payment.card + "\",\"eventTimeMs\":"
              + payment.timeMs + ",\"n\":" + hour.capacity() / ENTRY_BYTES + ",\"total\":" + sum + ",\"top\":" + max
              + "}";
      return text.getBytes(StandardCharsets.UTF_8);
    }

    private Payment read(byte[] value) {
      Payment payment = new Payment();
      try (JsonParser parser = json.createParser(value)) {
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          String name = parser.currentName();
          parser.nextToken();
          switch (name) {
            case "eventId" -> payment.eventId = parser.getText();
            case "cardToken" -> payment.card = parser.getText();
            case "eventTimeMs" -> payment.timeMs = parser.getLongValue();
            case "amountMinor" -> payment.amount = parser.getLongValue();
            default -> parser.skipChildren();
          }
        }
      } catch (IOException error) {
        throw new IllegalArgumentException("got a record that is no JSON object of a payment", error);
      }
      return payment;
    }
  }

  private static final class Payment {
    String eventId;
    String card;
    long timeMs;
    long amount;
  }
}
