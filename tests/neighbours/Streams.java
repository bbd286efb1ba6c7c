import java.io.OutputStream;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;

/**
 * Kafka Streams under exactly_once_v2, copying one topic, with its headers, to another. Arguments: BROKERS FROM TO
 * STATE-DIRECTORY. Runs until its standard input ends. Prints `running` whenever it starts processing.
 */
class Streams {
  public static void main(String[] args) throws Exception {
    var settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "shop");
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[3]);
    settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArray().getClass());
    settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArray().getClass());
    // With these settings, a killed member is detected soon, and many small transactions leave many markers.
    settings.put(StreamsConfig.consumerPrefix("session.timeout.ms"), 6000);
    settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 10);
    settings.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 20);
    var builder = new StreamsBuilder();
    builder.stream(args[1]).to(args[2]);
    try (var streams = new KafkaStreams(builder.build(), settings)) {
      streams.setStateListener((now, before) -> System.out.println(now.name().toLowerCase()));
      streams.start();
      System.in.transferTo(OutputStream.nullOutputStream());
    }
  }
}
