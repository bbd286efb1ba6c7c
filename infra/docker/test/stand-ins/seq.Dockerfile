# Stands in for datalust/seq: counts the events that it receives, and serves the count on port 80.
ARG NODE
FROM ${NODE}
COPY seq.ts /seq.ts
USER 1000:1000
CMD ["node", "/seq.ts"]
