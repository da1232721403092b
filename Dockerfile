# One image for web and worker; docker-compose.yml starts both. Build for the web alone with --build-arg LOCK=web.
FROM python:3.11-slim

ARG LOCK=training
ENV PYTHONUNBUFFERED=1 DEEPEXT_DATA_DIR=/data
WORKDIR /app

COPY requirements/ requirements/
RUN pip install --no-cache-dir --requirement requirements/$LOCK.txt
COPY . .

RUN useradd --create-home deepext && mkdir /data && chown deepext /data
USER deepext
VOLUME /data
EXPOSE 8000
CMD ["python", "manage.py", "run_console", "--host", "0.0.0.0"]
