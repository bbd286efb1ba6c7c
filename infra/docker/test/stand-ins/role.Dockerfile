# The embedded host, which serves the same functions as the Azure Functions runtime and stands in for it in tests.
ARG EMBEDDED
ARG NODE
FROM ${EMBEDDED} AS embedded
FROM ${NODE}
COPY --from=embedded /app /app
COPY --chmod=0755 role.sh /usr/local/bin/role
COPY --chmod=0755 healthy.sh /usr/local/bin/healthy
RUN mkdir /state && chown 1654:1654 /state
USER 1654:1654
WORKDIR /app
VOLUME /state
HEALTHCHECK --interval=2s --timeout=15s --start-period=180s --retries=10 CMD ["healthy"]
ENTRYPOINT ["role"]
CMD ["node", "infra/host/start.ts"]
