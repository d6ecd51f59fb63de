"""Hint classes: names for wire types, under pyignite's module names."""

from . import cache_config as cache_config
from . import cache_properties as cache_properties
from . import prop_codes as prop_codes
from . import sql as sql
from .cluster_state import ClusterState as ClusterState
from .complex import *
from .expiry_policy import ExpiryPolicy as ExpiryPolicy
from .internal import *
from .null_object import *
from .primitive import *
from .primitive_arrays import *
from .primitive_objects import *
from .standard import *
from .transactions import *
