# Images of promoter, each a bare root file system: a program, the libraries that it is linked with, certificate authorities, a user.
#
#   docker build --target plugin          promoter-plugin, beside Argo CD's repo-server
#   docker build --target plugin-helm     the same with helm, for charts that are rendered live
#   docker build --target controller      promoter-controller, and promoter for people
#   docker build --target controller-helm the same with helm, for pipelines that render charts
#
# No git, no ssh, no shell: the programs speak git's protocol themselves. docs/install.md says when ssh is needed and how it is added.
# Base images are only built in; nothing of them but libraries and authorities reaches an image.
ARG RUST=docker.io/library/rust:1.95.0-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082
ARG GO=docker.io/library/golang:1.26-bookworm@sha256:116d58cbd88c1297624acc6e967a060012422bacf9930927e23fb719189c6f36

FROM ${RUST} AS build
WORKDIR /src
# Without rust-toolchain.toml, which would fetch what only developers need: the image is of the same version.
COPY . .
RUN cargo build --release --locked -p promoter -p promoter-plugin -p promoter-controller
RUN scripts/rootfs.sh /rootfs target/release

FROM ${GO} AS helm
# Checked by Go's checksum database. The version is that of scripts/tools.sh, with which the tests render.
RUN CGO_ENABLED=0 GOBIN=/rootfs/usr/bin go install -trimpath -ldflags '-s -w' helm.sh/helm/v4/cmd/helm@v4.2.4

FROM scratch AS plugin
COPY --from=build /rootfs/system/ /rootfs/plugin/ /
ENV PATH=/usr/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 999:999
WORKDIR /home/promoter
ENTRYPOINT ["/usr/bin/promoter-plugin"]
CMD ["serve"]

FROM plugin AS plugin-helm
COPY --from=helm /rootfs/ /

FROM scratch AS controller
COPY --from=build /rootfs/system/ /rootfs/controller/ /
ENV PATH=/usr/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 999:999
WORKDIR /home/promoter
ENTRYPOINT ["/usr/bin/promoter-controller"]

FROM controller AS controller-helm
COPY --from=helm /rootfs/ /
