"""One bad input: the files of its folder, the command that reads them, and how that command must end."""
import dataclasses


@dataclasses.dataclass
class Case:
    name: str
    files: dict  # name in the case's folder → bytes
    command: list  # the tool and its arguments, run in the folder
    codes: tuple  # exit codes it may end with
    says: str = ""  # regular expression that its standard error matches, where it does not end with 0
    errors: int = 1  # the most messages it may take
