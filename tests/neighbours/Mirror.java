import java.io.OutputStream;
import org.apache.kafka.connect.mirror.MirrorMaker;

/** MirrorMaker 2 as its own script starts it. Argument: its PROPERTIES file. Runs until its standard input ends. */
class Mirror {
  public static void main(String[] args) {
    var watch = new Thread(Mirror::endWithInput);
    watch.setDaemon(true);
    watch.start();
    MirrorMaker.main(args);
  }

  private static void endWithInput() {
    try {
      System.in.transferTo(OutputStream.nullOutputStream());
    } catch (java.io.IOException error) {
      throw new java.io.UncheckedIOException(error);
    } finally {
      Runtime.getRuntime().exit(0);
    }
  }
}
