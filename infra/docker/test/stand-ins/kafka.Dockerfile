# Stands in for apache/kafka: its jars from Maven, on a Java runtime made with jlink. As in the image, the wrapper in
# these jars turns KAFKA_* into properties and formats the volume.
ARG NODE
FROM ${NODE}
COPY java /opt/java
COPY libs /opt/kafka/libs
COPY --chmod=0755 kafka.sh /opt/kafka/run.sh
RUN mkdir -p /opt/kafka/config /etc/kafka/docker /mnt/shared/config /var/lib/kafka/data \
    && touch /etc/kafka/docker/server.properties /etc/kafka/docker/log4j2.yaml /etc/kafka/docker/tools-log4j2.yaml \
    && chown -R 1000:1000 /opt/kafka/config /var/lib/kafka
USER 1000:1000
ENTRYPOINT ["/opt/kafka/run.sh"]
