FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PARLEY_DATA_DIR=/data
WORKDIR /parley

COPY requirements/runtime.txt requirements/runtime.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/runtime.txt

COPY . .
RUN useradd --create-home parley && mkdir /data && chown parley /data
USER parley
VOLUME /data
EXPOSE 8000

# On its own the image runs everything in one container; docker-compose.yml runs a process each.
ENV PARLEY_HOST=0.0.0.0
CMD ["python", "manage.py", "up"]
