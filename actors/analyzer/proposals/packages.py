"""Which package holds a Python module. Data: only what is widely known, by the names that the package index uses.

A module whose package nobody knows is not looked up, and its name is not taken for a package's: anybody may register
that name, and waits for just this. So a name that is missing here costs a proposal; a wrong one could cost more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Packages that are called otherwise than their module.
_RENAMED: Final[Mapping[str, str]] = {
    "Crypto": "pycryptodome",
    "OpenSSL": "pyOpenSSL",
    "PIL": "Pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "ldap": "python-ldap",
    "magic": "python-magic",
    "mpl_toolkits": "matplotlib",
    "multipart": "python-multipart",
    "pkg_resources": "setuptools",
    "psycopg2": "psycopg2-binary",
    "pytest_asyncio": "pytest-asyncio",
    "pytest_cov": "pytest-cov",
    "pytest_mock": "pytest-mock",
    "rest_framework": "djangorestframework",
    "ruamel": "ruamel.yaml",
    "serial": "pyserial",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socks": "PySocks",
    "typing_extensions": "typing-extensions",
    "usb": "pyusb",
    "win32api": "pywin32",
    "xdist": "pytest-xdist",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
# Packages that are called as their module.
_SAME: Final = """
aiofiles aiohttp alembic anyio arrow asgiref asyncpg boto3 botocore cachetools celery certifi cffi chardet click
colorama coverage cryptography cython dask defusedxml deprecated distro django docker docutils dulwich elasticsearch
execnet fabric faker fastapi filelock flask freezegun fsspec greenlet gunicorn h5py httpcore httpx hypothesis idna
importlib_metadata importlib_resources iniconfig invoke isort itsdangerous jinja2 jmespath joblib jsonschema
kombu lxml mako markdown markupsafe marshmallow matplotlib mock more_itertools moto msgpack mypy networkx nltk nox numba
numpy oauthlib openpyxl orjson packaging pandas paramiko parameterized passlib pexpect platformdirs pluggy polars
prometheus_client psutil psycopg pyarrow pyasn1 pycparser pydantic pydantic_settings pyflakes pygments pymongo pymysql
pyparsing pytest pytz redis regex requests requests_mock respx responses rich ruff scipy seaborn selenium sentry_sdk
setuptools shapely simplejson six sniffio sortedcontainers sphinx sqlalchemy sqlparse starlette statsmodels structlog
sympy tabulate tenacity tomli tomlkit toolz torch tornado tox tqdm trio twisted typer tzdata tzlocal ujson urllib3
uvicorn uvloop virtualenv watchdog websockets werkzeug wheel wrapt xmltodict yarl zstandard
"""
PACKAGES: Final[Mapping[str, str]] = {**{name: name.replace("_", "-") for name in _SAME.split()}, **_RENAMED}
