# Stands in for datalust/seq: counts the events that it is sent, and tells how many at port 80.
ARG NODE
FROM ${NODE}
COPY seq.ts /seq.ts
USER 1000:1000
CMD ["node", "/seq.ts"]
