import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.EnableKafkaRetryTopic;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.RetryableTopic;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.util.backoff.FixedBackOff;

/**
 * A Spring service that runs alongside the product until its standard input ends. Arguments: ROLE BROKERS TOPIC GROUP.
 * The roles are `recoverer` (fails each record and passes it to the DeadLetterPublishingRecoverer), `retries` (the same
 * with @RetryableTopic) and `reader` (binds the headers of dead letters and prints them). Everything else uses Spring's
 * defaults.
 */
class Spring {
  static Map<String, Object> settings(String... more) {
    var settings = new HashMap<String, Object>(Map.of("bootstrap.servers", System.getProperty("brokers")));
    for (int index = 0; index < more.length; index += 2) settings.put(more[index], more[index + 1]);
    return settings;
  }

  @Configuration(proxyBeanMethods = false)
  static class Kafka {
    @Bean
    KafkaTemplate<byte[], byte[]> kafkaTemplate() {
      var serializer = ByteArraySerializer.class.getName();
      return new KafkaTemplate<>(
          new DefaultKafkaProducerFactory<>(settings("key.serializer", serializer, "value.serializer", serializer)));
    }

    @Bean
    KafkaAdmin kafkaAdmin() {
      return new KafkaAdmin(settings());
    }

    @Bean
    TaskScheduler taskScheduler() {
      return new ThreadPoolTaskScheduler();
    }

    @Bean
    ConcurrentKafkaListenerContainerFactory<byte[], byte[]> kafkaListenerContainerFactory() {
      var deserializer = ByteArrayDeserializer.class.getName();
      var factory = new ConcurrentKafkaListenerContainerFactory<byte[], byte[]>();
      factory.setConsumerFactory(
          new DefaultKafkaConsumerFactory<>(
              settings(
                  "key.deserializer", deserializer, "value.deserializer", deserializer, "auto.offset.reset", "earliest")));
      if (System.getProperty("role").equals("recoverer")) {
        var recoverer = new DeadLetterPublishingRecoverer(kafkaTemplate());
        factory.setCommonErrorHandler(new DefaultErrorHandler(recoverer, new FixedBackOff(0, 1)));
      }
      return factory;
    }
  }

  static class Recoverer {
    @KafkaListener(topics = "${topic}", groupId = "${group}")
    void bill(ConsumerRecord<byte[], byte[]> order) {
      throw new IllegalStateException("Billing is closed.");
    }
  }

  @Configuration(proxyBeanMethods = false)
  @EnableKafkaRetryTopic
  static class Retries {
    @Bean
    RetryingListener listener() {
      return new RetryingListener();
    }
  }

  static class RetryingListener {
    @RetryableTopic(attempts = "3")
    @KafkaListener(topics = "${topic}", groupId = "${group}")
    void ship(ConsumerRecord<byte[], byte[]> order) {
      System.out.println("attempt " + order.topic());
      throw new IllegalArgumentException("No such street.");
    }
  }

  static class Reader {
    @KafkaListener(topics = "${topic}", groupId = "${group}")
    void read(
        @Header(KafkaHeaders.DLT_ORIGINAL_TOPIC) String topic,
        @Header(KafkaHeaders.DLT_ORIGINAL_PARTITION) int partition,
        @Header(KafkaHeaders.DLT_ORIGINAL_OFFSET) long offset,
        @Header(KafkaHeaders.DLT_ORIGINAL_CONSUMER_GROUP) String group,
        @Header(KafkaHeaders.DLT_EXCEPTION_FQCN) String exception,
        @Header(KafkaHeaders.DLT_EXCEPTION_MESSAGE) String message) {
      System.out.printf("letter %s:%d:%d of %s: %s: %s%n", topic, partition, offset, group, exception, message);
    }
  }

  @EnableKafka
  @Configuration(proxyBeanMethods = false)
  static class Annotations {}

  public static void main(String[] args) throws IOException {
    System.setProperty("role", args[0]);
    System.setProperty("brokers", args[1]);
    System.setProperty("topic", args[2]);
    System.setProperty("group", args[3]);
    var role =
        switch (args[0]) {
          case "recoverer" -> Recoverer.class;
          case "retries" -> Retries.class;
          default -> Reader.class;
        };
    try (var context = new AnnotationConfigApplicationContext(Annotations.class, Kafka.class, role)) {
      System.out.println("listening");
      System.in.transferTo(java.io.OutputStream.nullOutputStream());
    }
  }
}
