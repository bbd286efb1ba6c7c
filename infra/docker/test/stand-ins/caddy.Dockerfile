# Stands in for caddy's image: it contains the same program, with the capability that the image gives the program, and
# the client that the health check uses.
ARG NODE
FROM ${NODE}
RUN apt-get update -qq && apt-get install -qq --yes --no-install-recommends libcap2-bin wget > /dev/null
COPY caddy /usr/bin/caddy
RUN setcap cap_net_bind_service=+ep /usr/bin/caddy
