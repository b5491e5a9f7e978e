# docker build -t batch-text-scorer .
# docker build -t batch-text-scorer:cuda --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
# docker run --rm -v /srv/reviews:/data batch-text-scorer in/reviews.csv out/reviews.parquet
ARG PYTHON=3.11
FROM python:${PYTHON}-slim-bookworm
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /opt/scorer
COPY constraints.txt ./
RUN grep '^torch==' constraints.txt > torch.txt \
    && pip install --no-cache-dir --index-url "$TORCH_INDEX" --extra-index-url https://pypi.org/simple \
        --constraint constraints.txt --requirement torch.txt
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY scorer ./scorer
RUN pip install --no-cache-dir --constraint constraints.txt '.[fast]' \
    && useradd --uid 1000 --create-home scorer
USER 1000
ENV PYTHONUNBUFFERED=1 NUMBA_CACHE_DIR=/tmp/numba
WORKDIR /data
ENTRYPOINT ["score-job"]
CMD ["--help"]
