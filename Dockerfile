# One image for the API, the worker and the migrations; docker-compose.yml says which it is.
FROM python:3.13-slim AS build
WORKDIR /build
RUN python -m venv /venv
COPY requirements-bootstrap.txt requirements-runtime.txt ./
# Everything by hash; the build back end comes from the same list, so the last step needs no network.
RUN pip install --no-cache-dir --require-hashes -r requirements-bootstrap.txt \
    && uv pip install --no-cache --python /venv/bin/python --require-hashes -r requirements-runtime.txt
COPY pyproject.toml worker.py ./
COPY onboarding onboarding
COPY api api
COPY workflows workflows
COPY activities activities
RUN uv pip install --no-cache --python /venv/bin/python --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home app && mkdir /files && chown app /files
COPY --from=build /venv /venv
COPY worker.py /app/worker.py
WORKDIR /app
USER app
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
CMD ["python", "-m", "api"]
