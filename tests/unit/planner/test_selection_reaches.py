"""What a change must reach, and what it must not: one small tree for each way that Python code hangs together."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.unit.planner.selecting import selected, selection

OLD = "def f():\n    return 1\n\ndef g():\n    return 1\n"
NEW = OLD.replace("return 1", "return 2", 1)  # f is another
USES_F = "def test_it():\n    assert f()\n"
USES_G = "def test_it():\n    assert g()\n"
PKG = {"pkg/__init__.py": "", "pkg/mod.py": OLD}
CHANGE = {"pkg/mod.py": NEW}
TEST = "tests/test_x.py"
CONFTEST = "import pytest\n"


def fixture(name: str, body: str, how: str = "") -> str:
    return f"{CONFTEST}@pytest.fixture{how}\ndef {name}():\n    return {body}\n"


# By what is tried: the tree around the changed `pkg/mod.py`, whose function `f` is another.
REACHED: dict[str, Mapping[str, str]] = {
    "from import": {TEST: f"from pkg.mod import f\n{USES_F}"},
    "from import with another name": {TEST: "from pkg.mod import f as h\ndef test_it():\n    assert h()\n"},
    "import of a module": {TEST: "import pkg.mod\ndef test_it():\n    assert pkg.mod.f()\n"},
    "import of a module by another name": {TEST: "import pkg.mod as m\ndef test_it():\n    assert m.f()\n"},
    "module from its package": {TEST: "from pkg import mod\ndef test_it():\n    assert mod.f()\n"},
    "module from its package, renamed": {TEST: "from pkg import mod as m\ndef test_it():\n    assert m.f()\n"},
    "package alone, chain of attributes": {
        "pkg/__init__.py": "from . import mod\n",
        TEST: "import pkg\ndef test_it():\n    assert pkg.mod.f()\n",
    },
    "package alone, imported by another": {
        "pkg/other.py": "import pkg.mod\n",
        "pkg/__init__.py": "from pkg import other\n",
        TEST: "import pkg\ndef test_it():\n    assert pkg.mod.f()\n",
    },
    "re-export": {
        "pkg/__init__.py": "from .mod import f\n",
        TEST: f"from pkg import f\n{USES_F}",
    },
    "re-export under another name": {
        "pkg/__init__.py": "from .mod import f as h\n",
        TEST: "import pkg\ndef test_it():\n    assert pkg.h()\n",
    },
    "re-export by assignment": {
        "pkg/__init__.py": "from . import mod\nh = mod.f\n",
        TEST: "from pkg import h\ndef test_it():\n    assert h()\n",
    },
    "star import": {TEST: f"from pkg.mod import *\n{USES_F}"},
    "star of a star": {
        "pkg/__init__.py": "from .mod import *\n",
        "top.py": "from pkg import *\n",
        TEST: f"from top import *\n{USES_F}",
    },
    "name out of a star": {
        "pkg/__init__.py": "from .mod import *\n",
        TEST: f"from pkg import f\n{USES_F}",
    },
    "attribute out of a star": {
        "pkg/__init__.py": "from .mod import *\n",
        TEST: "import pkg\ndef test_it():\n    assert pkg.f()\n",
    },
    "relative import": {
        "pkg/user.py": "from .mod import f\ndef h():\n    return f()\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h()\n",
    },
    "relative import from above": {
        "pkg/sub/__init__.py": "",
        "pkg/sub/user.py": "from ..mod import f\ndef h():\n    return f()\n",
        TEST: "from pkg.sub.user import h\ndef test_it():\n    assert h()\n",
    },
    "relative import of a module": {
        "pkg/user.py": "from . import mod\ndef h():\n    return mod.f()\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h()\n",
    },
    "tests inside of the package": {
        "pkg/tests/__init__.py": "",
        "pkg/tests/test_y.py": f"from ..mod import f\n{USES_F}",
    },
    "import in a test's function": {TEST: "def test_it():\n    from pkg.mod import f\n    assert f()\n"},
    "import of a module in a function": {TEST: "def test_it():\n    import pkg.mod\n    assert pkg.mod.f()\n"},
    "import in a function of the code": {
        "pkg/user.py": "def h():\n    from .mod import f\n    return f()\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h()\n",
    },
    "import in a class": {
        "pkg/user.py": "class C:\n    from .mod import f\n",
        TEST: "from pkg.user import C\ndef test_it():\n    assert C.f()\n",
    },
    "import under a condition": {
        "pkg/user.py": "try:\n    from quick import f\nexcept ImportError:\n    from .mod import f\n",
        TEST: f"from pkg.user import f\n{USES_F}",
    },
    "import under a condition of the version": {
        "pkg/user.py": "import sys\nif sys.version_info > (3,):\n    from .mod import f\nelse:\n    f = None\n",
        TEST: f"from pkg.user import f\n{USES_F}",
    },
    "import in a loop": {
        "pkg/user.py": "while True:\n    from .mod import f\n    break\n",
        TEST: f"from pkg.user import f\n{USES_F}",
    },
    "import in a match": {
        "pkg/user.py": "import sys\nmatch sys.platform:\n    case _:\n        from .mod import f\n",
        TEST: f"from pkg.user import f\n{USES_F}",
    },
    "function defined in a loop": {
        "pkg/user.py": "from .mod import f\nfor n in (1, 2):\n    def h():\n        return f()\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h()\n",
    },
    "base class": {
        "pkg/mod.py": "class A:\n    x = 1\nclass f(A):\n    pass\n",
        "pkg/user.py": "from .mod import f\nclass B(f):\n    pass\n",
        TEST: "from pkg.user import B\ndef test_it():\n    assert B.x\n",
    },
    "string of mock.patch": {
        "pkg/user.py": "",
        TEST: "from unittest import mock\ndef test_it():\n    with mock.patch('pkg.mod.f'):\n        pass\n",
    },
    "import_module of a constant": {
        TEST: "import importlib\ndef test_it():\n    assert importlib.import_module('pkg.mod').f()\n"
    },
    "import_module of a name with a known beginning": {
        TEST: "import importlib\ndef test_it(n='mod'):\n    assert importlib.import_module(f'pkg.{n}').f()\n"
    },
    "import_module of a relative name": {
        TEST: "import importlib\ndef test_it():\n    assert importlib.import_module('.mod', 'pkg').f()\n"
    },
    "import_module of an unknown name, by the package": {
        "pkg/loading.py": "import importlib\ndef load(n):\n    return importlib.import_module(n)\n",
        TEST: "from pkg.loading import load\ndef test_it():\n    assert load('pkg' + '.mo' + 'd').f()\n",
    },
    "helper beside the tests": {
        "tests/helper.py": "from pkg.mod import f\ndef h():\n    return f()\n",
        TEST: "from helper import h\ndef test_it():\n    assert h()\n",
    },
    "helper beside the tests, relatively": {
        "tests/__init__.py": "",
        "tests/helper.py": "from pkg.mod import f\ndef h():\n    return f()\n",
        TEST: "from .helper import h\ndef test_it():\n    assert h()\n",
    },
    "fixture by name": {
        "tests/conftest.py": f"from pkg.mod import f\n{fixture('thing', 'f()')}",
        TEST: "def test_it(thing):\n    assert thing\n",
    },
    "fixture by its other name": {
        "tests/conftest.py": f"from pkg.mod import f\n{fixture('_t', 'f()', '(name=' + repr('thing') + ')')}",
        TEST: "def test_it(thing):\n    assert thing\n",
    },
    "fixture of a fixture": {
        "tests/conftest.py": f"from pkg.mod import f\n{fixture('inner', 'f()')}"
        "@pytest.fixture\ndef thing(inner):\n    return inner\n",
        TEST: "def test_it(thing):\n    assert thing\n",
    },
    "fixture that is used unasked": {
        "tests/conftest.py": f"from pkg.mod import f\n{fixture('thing', 'f()', '(autouse=True)')}",
        TEST: "def test_it():\n    pass\n",
    },
    "usefixtures": {
        "tests/conftest.py": f"from pkg.mod import f\n{fixture('thing', 'f()')}",
        TEST: "import pytest\n@pytest.mark.usefixtures('thing')\ndef test_it():\n    pass\n",
    },
    "getfixturevalue": {
        "tests/conftest.py": f"from pkg.mod import f\n{fixture('thing', 'f()')}",
        TEST: "def test_it(request):\n    assert request.getfixturevalue('thing')\n",
    },
    "fixture of a plugin module": {
        "conftest.py": "pytest_plugins = ['tests.plugin']\n",
        "tests/__init__.py": "",
        "tests/plugin.py": f"from pkg.mod import f\n{fixture('thing', 'f()')}",
        TEST: "def test_it(thing):\n    assert thing\n",
    },
    "unasked fixture of a plugin module": {
        "conftest.py": "pytest_plugins = ['tests.plugin']\n",
        "tests/__init__.py": "",
        "tests/plugin.py": f"from pkg.mod import f\n{fixture('thing', 'f()', '(autouse=True)')}",
        TEST: "def test_it():\n    pass\n",
    },
    "hook": {
        "tests/conftest.py": "from pkg.mod import f\ndef pytest_runtest_setup(item):\n    f()\n",
        TEST: "def test_it():\n    pass\n",
    },
    "conftest imports for its body": {
        "tests/conftest.py": "from pkg.mod import f\nf()\n",
        TEST: "def test_it():\n    pass\n",
    },
    "fixture imported into conftest": {
        "tests/fixtures.py": f"from pkg.mod import f\n{fixture('thing', 'f()')}",
        "tests/conftest.py": "from fixtures import thing\n",
        TEST: "def test_it(thing):\n    assert thing\n",
    },
    "unasked fixture imported into conftest by star": {
        "tests/__init__.py": "",
        "tests/fixtures.py": f"from pkg.mod import f\n{fixture('thing', 'f()', '(autouse=True)')}",
        "tests/conftest.py": "from .fixtures import *\n",
        TEST: "def test_it():\n    pass\n",
    },
    "fixture made by a call": {
        "tests/conftest.py": "import pytest\nfrom pkg.mod import f\ndef _make():\n    return f()\n"
        "thing = pytest.fixture(_make)\n",
        TEST: "def test_it(thing):\n    assert thing\n",
    },
    "fixture of pytest_asyncio": {
        "tests/conftest.py": "import pytest_asyncio\nfrom pkg.mod import f\n"
        "@pytest_asyncio.fixture\nasync def thing():\n    return f()\n",
        TEST: "async def test_it(thing):\n    assert thing\n",
    },
    "fixture decorator of another name": {
        "tests/conftest.py": "from pytest import fixture as given\nfrom pkg.mod import f\n"
        "@given\ndef thing():\n    return f()\n",
        TEST: "def test_it(thing):\n    assert thing\n",
    },
    "body of the package": {
        "pkg/__init__.py": "from .mod import f\nf()\n",
        "pkg/other.py": "x = 1\n",
        TEST: "from pkg.other import x\ndef test_it():\n    assert x\n",
    },
    "route that is registered": {
        "pkg/app.py": "class App:\n    def route(self, path):\n        return lambda f: f\n\napp = App()\n",
        "pkg/views.py": "from .app import app\nfrom .mod import f\n@app.route('/')\ndef view():\n    return f()\n",
        "pkg/site.py": "from . import views\nfrom .app import app\n",
        TEST: "from pkg.site import app\ndef test_it():\n    assert app\n",
    },
    "registry of the repository": {
        "pkg/registry.py": "KNOWN = {}\ndef known(f):\n    KNOWN[f.__name__] = f\n    return f\n",
        "pkg/parts.py": "from .registry import known\nfrom .mod import f\n@known\ndef part():\n    return f()\n",
        TEST: "import pkg.parts\nfrom pkg.registry import KNOWN\ndef test_it():\n    assert KNOWN['part']()\n",
    },
    "registry that is an object": {
        "pkg/registry.py": "class R:\n    def __init__(self):\n        self.all = {}\n    def __call__(self, f):\n"
        "        self.all[f.__name__] = f\n        return f\nknown = R()\n",
        "pkg/parts.py": "from .registry import known\nfrom .mod import f\n@known\ndef part():\n    return f()\n",
        TEST: "import pkg.parts\nfrom pkg.registry import known\ndef test_it():\n    assert known.all['part']()\n",
    },
    "registry by a decorator with an argument": {
        "pkg/registry.py": "KNOWN = {}\ndef known(name):\n    def keep(f):\n        KNOWN[name] = f\n        return f\n"
        "    return keep\n",
        "pkg/parts.py": "from .registry import known\nfrom .mod import f\n@known('part')\ndef part():\n"
        "    return f()\n",
        TEST: "import pkg.parts\nfrom pkg.registry import KNOWN\ndef test_it():\n    assert KNOWN['part']()\n",
    },
    "registry by a plain call": {
        "pkg/registry.py": "KNOWN = []\n",
        "pkg/parts.py": "from .registry import KNOWN\nfrom .mod import f\ndef part():\n    return f()\n"
        "KNOWN.append(part)\n",
        TEST: "import pkg.parts\nfrom pkg.registry import KNOWN\ndef test_it():\n    assert KNOWN[0]()\n",
    },
    "assignment to another module's attribute": {
        "pkg/hooks.py": "hook = None\ndef run():\n    return hook()\n",
        "pkg/parts.py": "from . import hooks\nfrom .mod import f\nhooks.hook = f\n",
        TEST: "import pkg.parts\nfrom pkg.hooks import run\ndef test_it():\n    assert run()\n",
    },
    "entry in another module's table": {
        "pkg/hooks.py": "TABLE = {}\ndef run():\n    return TABLE['f']()\n",
        "pkg/parts.py": "from .hooks import TABLE\nfrom .mod import f\nTABLE['f'] = f\n",
        TEST: "import pkg.parts\nfrom pkg.hooks import run\ndef test_it():\n    assert run()\n",
    },
    "metaclass": {
        "pkg/meta.py": "ALL = []\nclass Meta(type):\n    def __init__(cls, *a):\n        ALL.append(cls)\n"
        "class Base(metaclass=Meta):\n    pass\n",
        "pkg/parts.py": "from .meta import Base\nfrom .mod import f\nclass Part(Base):\n    def run(self):\n"
        "        return f()\n",
        TEST: "import pkg.parts\nfrom pkg.meta import ALL\ndef test_it():\n    assert ALL\n",
    },
    "__init_subclass__": {
        "pkg/meta.py": "ALL = []\nclass Base:\n    def __init_subclass__(cls):\n        ALL.append(cls)\n",
        "pkg/parts.py": "from .meta import Base\nfrom .mod import f\nclass Part(Base):\n    def run(self):\n"
        "        return f()\n",
        TEST: "import pkg.parts\nfrom pkg.meta import ALL\ndef test_it():\n    assert ALL\n",
    },
    "__subclasses__": {
        "pkg/meta.py": "class Base:\n    pass\ndef everyone():\n    return Base.__subclasses__()\n",
        "pkg/parts.py": "from .meta import Base\nfrom .mod import f\nclass Part(Base):\n    def run(self):\n"
        "        return f()\n",
        TEST: "import pkg.parts\nfrom pkg.meta import everyone\ndef test_it():\n    assert everyone()\n",
    },
    "getattr of a module": {
        "pkg/user.py": "from . import mod\ndef h(name):\n    return getattr(mod, name)()\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h('f')\n",
    },
    "getattr of a package": {
        "pkg/__init__.py": "from .mod import f\n",
        TEST: "import pkg\ndef test_it(n='f'):\n    assert getattr(pkg, n)()\n",
    },
    "module's own __getattr__": {
        "pkg/__init__.py": "def __getattr__(name):\n    from . import mod\n    return getattr(mod, name)\n",
        TEST: f"from pkg import f\n{USES_F}",
    },
    "sys.modules": {TEST: "import sys\ndef test_it():\n    assert sys.modules['pkg.mod'].f()\n"},
    "python -m in a subprocess": {
        TEST: "import subprocess, sys\ndef test_it():\n    subprocess.run([sys.executable, '-m', 'pkg.mod'])\n"
    },
    "file that is run by its path": {
        TEST: "import subprocess, sys\ndef test_it():\n    subprocess.run([sys.executable, 'pkg/mod.py'])\n"
    },
    "default argument": {
        "pkg/user.py": "from .mod import f\ndef h(x=f()):\n    return x\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h()\n",
    },
    "annotation": {
        "pkg/user.py": "from .mod import f\ndef h(x: f):\n    return x\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h(1)\n",
    },
    "lambda in a table": {
        "pkg/user.py": "from .mod import f\nTABLE = {'x': lambda: f()}\n",
        TEST: "from pkg.user import TABLE\ndef test_it():\n    assert TABLE['x']()\n",
    },
    "walrus at the top": {
        "pkg/user.py": "from .mod import f\nif (h := f):\n    pass\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h()\n",
    },
    "with ... as at the top": {
        "pkg/user.py": "from .mod import f\nwith f() as h:\n    pass\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h\n",
    },
    "target of a for": {
        "pkg/user.py": "from .mod import f\nfor h in [f]:\n    pass\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h\n",
    },
    "tuple of targets": {
        "pkg/user.py": "from .mod import f, g\nh, k = f, g\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h\n",
    },
    "starred target": {
        "pkg/user.py": "from .mod import f, g\nk, *h = g, f\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h\n",
    },
    "__all__ in between": {
        "pkg/__init__.py": "from .mod import *\n__all__ = ['f']\n",
        TEST: f"from pkg import *\n{USES_F}",
    },
    "global set by a function": {
        "pkg/user.py": "from . import mod\nh = None\ndef load():\n    global h\n    h = mod.f\n",
        TEST: "from pkg import user\ndef test_it():\n    user.load()\n    assert user.h()\n",
    },
    "Python 2": {
        "pkg/user.py": "from pkg.mod import f\ndef h():\n    print f()\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h()\n",
    },
    "Python 2, import in a function": {
        "pkg/user.py": "def h():\n    from pkg.mod import f\n    print f()\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h()\n",
    },
    "Python 2, import over lines": {
        "pkg/user.py": "from pkg.mod import (\n    g,\n    f,\n)\nprint f()\n",
        TEST: "import pkg.user\ndef test_it():\n    pass\n",
    },
    "Python 2, import behind a semicolon": {
        "pkg/user.py": "import sys; import pkg.mod\nprint pkg.mod.f()\n",
        TEST: "import pkg.user\ndef test_it():\n    pass\n",
    },
    "Python 2, import continued": {
        "pkg/user.py": "from pkg.mod import g, \\\n    f\nprint f()\n",
        TEST: "import pkg.user\ndef test_it():\n    pass\n",
    },
    "Python 2 test, string of mock.patch": {
        TEST: "from mock import patch\ndef test_it():\n    with patch('pkg.mod.f'):\n        print 1\n"
    },
    "class that is a registering decorator": {
        "pkg/registry.py": "KNOWN = []\nclass Known:\n    def __init__(self, f):\n        KNOWN.append(f)\n",
        "pkg/parts.py": "from .registry import Known\nfrom .mod import f\n@Known\ndef part():\n    return f()\n",
        TEST: "import pkg.parts\nfrom pkg.registry import KNOWN\ndef test_it():\n    assert KNOWN[0]()\n",
    },
    "hook of an installed plugin": {
        "pkg/plugin.py": "from .mod import f\ndef pytest_configure(config):\n    f()\n",
        TEST: "def test_it(pytester):\n    pytester.runpytest()\n",
    },
    "relative import_module of this package": {
        "pkg/user.py": "import importlib\ndef h():\n    return importlib.import_module('.mod', __package__).f()\n",
        TEST: "from pkg.user import h\ndef test_it():\n    assert h()\n",
    },
    "Python 2 test": {TEST: "from pkg.mod import f\ndef test_it():\n    print f()\n"},
    "two packages of one name": {
        "other/pkg/__init__.py": "",
        "other/pkg/mod.py": OLD,
        TEST: f"from pkg.mod import f\n{USES_F}",
    },
    "unittest": {
        TEST: "import unittest\nimport pkg.mod\nclass T(unittest.TestCase):\n    def test_it(self):\n"
        "        self.assertTrue(pkg.mod.f())\n"
    },
    "TYPE_CHECKING": {
        "pkg/user.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .mod import f\nelse:\n"
        "    from . import mod\n    f = mod.f\n",
        TEST: f"from pkg.user import f\n{USES_F}",
    },
    "lazy loader that is given names": {
        "pkg/lazy.py": "import importlib\ndef lazy(package, names):\n    def get(n):\n"
        "        return getattr(importlib.import_module(f'{package}.{names[n]}'), n)\n    return get\n",
        "pkg/__init__.py": "from .lazy import lazy\n__getattr__ = lazy(__name__, {'f': 'mod'})\n",
        TEST: f"from pkg import f\n{USES_F}",
    },
    "parametrized": {
        TEST: "import pytest\nfrom pkg.mod import f\n@pytest.mark.parametrize('x', [f()])\ndef test_it(x):\n"
        "    assert x\n"
    },
    "test base class of another test file": {
        "tests/test_base.py": "from pkg.mod import f\nclass Base:\n    def test_it(self):\n        assert f()\n",
        TEST: "from test_base import Base\nclass TestMore(Base):\n    pass\n",
    },
    "circular imports": {
        "pkg/mod.py": OLD,
        "pkg/a.py": "from . import b\ndef x():\n    return b.y()\n",
        "pkg/b.py": "from . import a\nfrom .mod import f\ndef y():\n    return f()\n",
        TEST: "from pkg.a import x\ndef test_it():\n    assert x()\n",
    },
    "decorator of the repository": {
        TEST: "from pkg.mod import f\n@f\ndef test_it():\n    pass\n",
    },
    "script that is imported by a path": {
        TEST: "import os, runpy\nHERE = os.path.dirname(__file__)\ndef test_it():\n"
        "    runpy.run_path(os.path.join(HERE, '..', 'pkg', 'mod.py'))\n"
    },
}

NOT_REACHED: dict[str, Mapping[str, str]] = {
    "another function": {TEST: f"from pkg.mod import g\n{USES_G}"},
    "another function of the module": {TEST: "import pkg.mod\ndef test_it():\n    assert pkg.mod.g()\n"},
    "another module": {
        "pkg/other.py": "x = 1\n",
        TEST: "from pkg.other import x\ndef test_it():\n    assert x\n",
    },
    "nothing": {TEST: "def test_it():\n    pass\n"},
    "another fixture": {
        "tests/conftest.py": f"from pkg.mod import f, g\n{fixture('thing', 'f()')}"
        "@pytest.fixture\ndef other():\n    return g()\n",
        TEST: "def test_it(other):\n    assert other\n",
    },
    "fixture of another folder": {
        "tests/a/conftest.py": f"from pkg.mod import f\n{fixture('thing', 'f()')}",
        "tests/b/conftest.py": fixture("thing", "1"),
        "tests/b/test_y.py": "def test_it(thing):\n    assert thing\n",
    },
    "re-export of another": {
        "pkg/__init__.py": "from .mod import f, g\n",
        TEST: f"from pkg import g\n{USES_G}",
    },
}


@pytest.mark.parametrize("case", REACHED)
def test_reached(case: str) -> None:
    tree = {**PKG, **REACHED[case]}
    change = {"pkg/mod.py": tree["pkg/mod.py"].replace("return 1", "return 2", 1).replace("x = 1", "x = 2")}
    (wanted,) = (path for path in REACHED[case] if path.rpartition("/")[2] in {"test_x.py", "test_y.py"})
    assert wanted in selected(tree, change)


@pytest.mark.parametrize("case", NOT_REACHED)
def test_not_reached(case: str) -> None:
    found = selection({**PKG, **NOT_REACHED[case]}, CHANGE)
    assert (found.tests, found.unsure) == ({}, ())
