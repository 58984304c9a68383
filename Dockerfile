# The demo in a container. docs/hosting.md says how to build and run it, and how this file was tried.
FROM python:3.11-slim

WORKDIR /app
COPY requirements.lock ./
# All by its hash. With TORCH=cpu torch comes without CUDA, in the same version, which saves 5 GB.
ARG TORCH=cpu
RUN awk -v torch=$TORCH '/^[a-z]/ { kept = torch == "cuda" || !/^(torch|triton|nvidia|cuda)/ } kept' requirements.lock \
    > /tmp/kept.lock && pip install --no-cache-dir --no-deps --require-hashes -r /tmp/kept.lock && rm /tmp/kept.lock
RUN [ $TORCH = cuda ] || pip install --no-cache-dir --no-deps --index-url https://download.pytorch.org/whl/cpu \
    $(grep -oE '^torch(vision)?==[^ ]+' requirements.lock)
COPY app.py LICENSE ./
COPY vitdemo vitdemo
COPY checkpoints checkpoints
RUN python -m compileall -q app.py vitdemo

# What may be written: networks of the Hub, which stay, and files of visitors, which do not.
ENV HF_HOME=/cache GRADIO_TEMP_DIR=/tmp/vitdemo MPLCONFIGDIR=/tmp/matplotlib
RUN mkdir /cache && chown 10001:10001 /cache
VOLUME /cache
USER 10001:10001
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/ready', timeout=4)"]
CMD ["python", "app.py", "--host", "0.0.0.0", "--port", "7860"]
