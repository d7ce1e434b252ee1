"""Text → what in it would lead to somebody, or to somebody's computer; a folder → all that a search of it finds."""

import gzip
import re
import zipfile
from pathlib import Path

import pandas as pd

_PACKED = re.compile(r"[A-Za-z0-9+/]{100,}={0,2}")  # a picture in a page
_MAIL = re.compile(r"[\w.%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
_NOBODYS = re.compile(r"(?i)@(?:[\w-]+\.)*(?:example\.(?:com|net|org)|test|example|invalid)$")  # RFC 2606
_PHONE = re.compile(
    r"(?<![\w.+=/-])(?:\+\d(?:[ .()/-]{0,2}\d){8,13}|00[1-9](?:[ .]?\d){8,12}|0[1-9](?:[ .]?\d\d){4}|\d{3}-\d{3}-\d{4})"
    r"(?![\w-])"
)
_FICTION = re.compile(
    r"^(?:0{0,2}33|0)(?:19900|63998)\d*$|^1?\d{3}55501\d\d$"
)  # numbers kept for fiction, France and USA
_PATH = re.compile(r"(?<![\w.:~)}/-])/(?:home|Users|root|work|tmp|var|mnt|opt|srv|private)/\w+|\b[A-Z]:\\+Users\\+\w+")


def traces(text: str) -> list[str]:
    """The e-mail addresses, phone numbers and absolute paths of a machine in a text, but for those kept for fiction."""
    plain = _PACKED.sub("", text)
    mails = [found for found in _MAIL.findall(plain) if not _NOBODYS.search(found)]
    phones = [found for found in _PHONE.findall(plain) if not _FICTION.search(re.sub(r"\D", "", found))]
    return [*mails, *phones, *_PATH.findall(plain)]


def contents(folder: Path) -> dict[Path, bytes]:
    """Every file of a folder as a search finds it: packed ones and tables are opened."""
    found = {}
    for file in (file for file in folder.rglob("*") if file.is_file()):
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                found[file] = b"".join(map(packed.read, packed.namelist()))
        elif file.suffix == ".parquet":
            table = pd.read_parquet(file)
            kinds = [list(column.cat.categories) for _, column in table.items() if column.dtype == "category"]
            found[file] = f"{table.to_csv()}{kinds}{table.attrs}".encode()
        else:
            packed_text = file.suffixes[-2:] == [".txt", ".gz"]
            found[file] = gzip.decompress(file.read_bytes()) if packed_text else file.read_bytes()
    return found
