import os
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

app = FastAPI()
VERSION = Path(__file__).with_name("version.txt").read_text().strip()


@app.get("/", response_class=PlainTextResponse)
@app.get("/version", response_class=PlainTextResponse)
def version():
    return VERSION


@app.get("/request")
def request(request: Request):
    return {"scheme": request.url.scheme, "client": request.client.host if request.client else None}


@app.get("/env/{name}", response_class=PlainTextResponse)
def env(name: str):
    return os.environ.get(name, "")
