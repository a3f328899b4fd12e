"""Who gets a message: addresses, and files of them."""

import io

import click
import pytest

from twisted_smpp.cli.recipients import Recipient, recipients


def read(tmp_path, content, text=None):
    path = tmp_path / "file.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return recipients((), str(path), text)


def gives(monkeypatch, octets, encoding="utf-8"):
    """What comes at standard input, in a locale."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(octets), encoding))


def test_addresses_of_the_command_line():
    assert recipients(["1", "2"], None, "Hi") == [("1", "Hi"), ("2", "Hi")]


def test_an_address_a_line(tmp_path):
    assert read(tmp_path, "491\n\n492\n", "Hi") == [("491", "Hi"), ("492", "Hi")]


@pytest.mark.parametrize("name", ["to", "Destination", " msisdn ", "PHONE"])
def test_columns(tmp_path, name):
    rows = read(tmp_path, f'{name},text\n491,"Hi, Ann"\n 492 ,Ho\n')
    assert rows == [Recipient("491", "Hi, Ann"), Recipient("492", "Ho")]


def test_text_with_columns(tmp_path):
    rows = read(tmp_path, "to,name\n491,Ann\n", "Dear $name, $$5 for ${name}")
    assert rows == [("491", "Dear Ann, $5 for Ann")]


def test_text_of_the_command_line_counts_more(tmp_path):
    assert read(tmp_path, "to,text\n491,Ho\n", "Hi") == [("491", "Hi")]


def test_a_byte_order_mark_is_no_part_of_it(tmp_path):
    assert read(tmp_path, "\ufeffto,text\n491,Hi\n") == [("491", "Hi")]


def test_standard_input(monkeypatch):
    gives(monkeypatch, b"to\r\n491\r\n")
    assert recipients(["490"], "-", "Hi") == [("490", "Hi"), ("491", "Hi")]


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8"])
def test_standard_input_is_utf_8_in_every_locale(monkeypatch, encoding):
    gives(monkeypatch, "to,name\n491,Jörg\n".encode(), encoding)
    assert recipients((), "-", "Dear $name") == [("491", "Dear Jörg")]
    gives(monkeypatch, "to,name\n491,Ann\n492,Jörg\n".encode("latin-1"), encoding)
    with pytest.raises(click.UsageError, match=r"^-, line 3: not UTF-8"):
        recipients((), "-", "Dear $name")


def test_standard_input_that_is_closed(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(click.UsageError, match="there is no standard input"):
        recipients((), "-", "Hi")


def test_who_is_not_in_the_file_has_no_columns(tmp_path):
    path = tmp_path / "file.csv"
    path.write_text("to,name\n491,Ann\n")
    with pytest.raises(click.UsageError, match=r"^--to: TEXT asks for a column name$"):
        recipients(["490"], str(path), "Dear $name")
    assert recipients(["490"], str(path), "$$5") == [("490", "$5"), ("491", "$5")]
    assert recipients(["490"], None, "$5 $name") == [("490", "$5 $name")]


def test_a_column_whose_name_is_no_word(tmp_path):
    rows = read(tmp_path, "to,First Name,no. 2\n491,Ann,x\n", "Dear ${First Name}, ${no. 2}")
    assert rows == [("491", "Dear Ann, x")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_separates_the_columns_is_found(tmp_path, delimiter):
    content = "name,to\nAnn,491\n".replace(",", delimiter)
    assert read(tmp_path, content, "Dear $name") == [("491", "Dear Ann")]


def test_a_text_keeps_its_lines(tmp_path):
    rows = read(tmp_path, 'to,text\r\n491,"one\r\ntwo\u2028\x85"\r\n492,"a ""b"""\r\n')
    assert rows == [("491", "one\ntwo"), ("492", 'a "b"')]


def test_names_of_columns_in_any_language_and_case(tmp_path):
    rows = read(tmp_path, "To,Größe,Name\n491,XL,Ann\n", "$Name: $größe, ${Größe}")
    assert rows == [("491", "Ann: XL, XL")]


def test_columns_without_a_name_may_be_empty(tmp_path):
    assert read(tmp_path, "to,text\n491,Hi,,\n") == [("491", "Hi")]


@pytest.mark.parametrize(
    ("content", "text", "what"),
    [
        ("to,text\n,Hi\n", None, "file.csv, line 2: no address"),
        ("to,text\n491,\n", None, "file.csv, line 2: no text: give TEXT, or a column text"),
        ("491\n", None, "file.csv, line 1: no text"),
        ("to\n491\n", "Dear $name", "file.csv, line 2: TEXT asks for a column name"),
        ("to\n491\n", "5 $", "TEXT: a $ stands before the name of a column; write $$ for one"),
        ("to\n491\n", "${first name}", "line 2: TEXT asks for a column first name"),
        (b"\xff\xfe", "Hi", "file.csv, line 1: not UTF-8; in a spreadsheet"),
        (b"to,text\n491,Hi\n492,J\xf6rg\n", "Hi", "file.csv, line 3: not UTF-8"),
        ("", "Hi", "file.csv: nobody to send to in it"),
        ("to,name\n\n", "Hi", "file.csv: nobody to send to in it"),
        ("to,name\nAnn,491\n", "Hi", "file.csv, line 2: 'Ann' is no address"),
        ("to,name,to\n491,Ann,492\n", "Hi", "file.csv: 2 columns are called to"),
        ("to;text\n491;Hi;Ann\n", None, "a text with a semicolon stands in quotes"),
        ("to,text\n491,Hi\n492,Hi, Ann\n", None, "line 3: 3 columns, the header has 2"),
        ("name,telephone\nAnn,491\n", "Hi", "line 1: 'name,telephone' is no address"),
        ('to\n"4,91762E+11"\n', "Hi", "line 2: 4,91762E+11 is a number that a spreadsheet has"),
        ("telephone\n491\n", "Hi", "line 1: 'telephone' is no address, and no header has"),
        ('to,text\n491,"Hi\n492,Ho\n', None, "file.csv, line 2: unexpected end of data"),
        (f"to,text\n491,{'a' * 200_000}\n", None, "line 2: field larger than field limit"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, content, text, what):
    with pytest.raises(click.UsageError) as caught:
        read(tmp_path, content, text)
    assert what in caught.value.message
