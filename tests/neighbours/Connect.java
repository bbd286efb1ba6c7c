import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.kafka.connect.cli.ConnectStandalone;

/**
 * Kafka Connect with a sink that cannot read our JSON, because its converter expects a schema in it. Arguments: BROKERS
 * TOPIC DEAD-LETTER-TOPIC NAME. Runs until its standard input ends.
 */
class Connect {
  public static void main(String[] args) throws Exception {
    var directory = Files.createTempDirectory("connect-");
    var worker =
        Files.write(
            directory.resolve("worker.properties"),
            List.of(
                "bootstrap.servers=" + args[0],
                "key.converter=org.apache.kafka.connect.converters.ByteArrayConverter",
                "value.converter=org.apache.kafka.connect.json.JsonConverter",
                "offset.storage.file.filename=" + directory.resolve("offsets"),
                "plugin.discovery=service_load",
                "listeners=http://127.0.0.1:0"));
    var sink =
        Files.write(
            directory.resolve("sink.properties"),
            List.of(
                "name=" + args[3],
                "connector.class=FileStreamSink",
                "tasks.max=1",
                "topics=" + args[1],
                "file=" + directory.resolve("orders.txt"),
                "errors.tolerance=all",
                "errors.deadletterqueue.topic.name=" + args[2],
                "errors.deadletterqueue.topic.replication.factor=1",
                "errors.deadletterqueue.context.headers.enable=true"));
    var watch = new Thread(() -> endWithInput(directory));
    watch.setDaemon(true);
    watch.start();
    ConnectStandalone.main(new String[] {worker.toString(), sink.toString()});
  }

  private static void endWithInput(Path directory) {
    try {
      System.in.transferTo(OutputStream.nullOutputStream());
      for (var file : directory.toFile().listFiles()) file.delete();
      Files.delete(directory);
    } catch (java.io.IOException error) {
      throw new java.io.UncheckedIOException(error);
    } finally {
      Runtime.getRuntime().halt(0);
    }
  }
}
