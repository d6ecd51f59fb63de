"""Op codes of requests."""

from . import op_codes as op_codes
