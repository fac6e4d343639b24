import os

from fastapi import FastAPI, Request

app = FastAPI()


@app.get("/")
def index(request: Request):
    return {
        "hello": "world",
        "release": os.environ.get("BERTH_RELEASE"),
        "url": str(request.url),
    }


@app.get("/up")
def up():
    return {"ok": True}
