# The Airlock CLI as an image, driving the engine whose socket is mounted. Build the bundle first: make setup (or npm run build).
#
#   docker build -t airlock .
#   docker run --rm -it \
#     --user "$(id -u):$(id -g)" --group-add "$(stat -c %g /var/run/docker.sock)" \
#     -v /var/run/docker.sock:/var/run/docker.sock -v /etc/machine-id:/etc/machine-id:ro \
#     -v "$PWD:$PWD" -w "$PWD" \
#     -v "$HOME/.local/state/airlock:$HOME/.local/state/airlock" -e AIRLOCK_HOME="$HOME/.local/state/airlock" \
#     airlock run -- bash
#
# Project and state folder are mounted at their own paths, so that the engine finds them where the CLI does. Whoever can use the
# socket is as powerful as root on the host: this image is a way to install Airlock, not a wall around it.
ARG BASE=node:24.18.0-bookworm-slim@sha256:6f7b03f7c2c8e2e784dcf9295400527b9b1270fd37b7e9a7285cf83b6951452d
FROM ${BASE}
USER 0:0
COPY package.json LICENSE /opt/airlock/
COPY images /opt/airlock/images
COPY init /opt/airlock/init
COPY hatch /opt/airlock/hatch
COPY keeper /opt/airlock/keeper
COPY presets /opt/airlock/presets
COPY bin /opt/airlock/bin
COPY dist /opt/airlock/dist
RUN chmod 0755 /opt/airlock/bin/airlock \
 && ln -s /opt/airlock/bin/airlock /usr/local/bin/airlock \
 && install -d -m 0700 -o 1000 -g 1000 /var/lib/airlock
ENV AIRLOCK_HOME=/var/lib/airlock
WORKDIR /
USER 1000:1000
ENTRYPOINT ["/usr/local/bin/airlock"]
CMD ["--help"]
