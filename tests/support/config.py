"""What a node is told: Spring XML and the options of its JVM."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import quoteattr

_BASE_PACKAGES = (
    "jdk.internal.access jdk.internal.misc sun.nio.ch sun.util.calendar sun.reflect.generics.reflectiveObjects java.io java.nio "
    "java.net java.util java.util.concurrent java.util.concurrent.locks java.util.concurrent.atomic java.lang java.lang.invoke "
    "java.math java.time java.text"
).split()

#: Packages that Ignite reaches into, which Java 17 has to be told.
OPENED = [
    *(f"java.base/{package}" for package in _BASE_PACKAGES),
    "java.management/com.sun.jmx.mbeanserver", "java.management/sun.management", "jdk.internal.jvmstat/sun.jvmstat.monitor",
    "jdk.management/com.sun.management.internal", "java.sql/java.sql",
]  # fmt: skip


@dataclass(frozen=True)
class Ssl:
    """Key stores of the client connector."""

    key_store: Path
    key_store_password: str
    trust_store: Path | None = None
    trust_store_password: str = ""
    client_auth: bool = False


@dataclass(frozen=True)
class Settings:
    """Choices about a cluster that its nodes share."""

    ssl: Ssl | None = None
    #: Users and passwords (with them persistence, which they need); the first user is `ignite` / `ignite`.
    authentication: bool = False
    #: Both SQL engines; statements choose with a hint, `/*+ QUERY_ENGINE('calcite') */`.
    calcite: bool = False
    #: Properties of ClientConnectorConfiguration, by their Java names: `threadPoolSize`, `handshakeTimeout`, `idleTimeout` ...
    connector: dict[str, object] = field(default_factory=dict)
    #: Properties of ThinClientConfiguration: `maxActiveTxPerConnection`, `maxActiveComputeTasksPerConnection` ...
    thin_client: dict[str, object] = field(default_factory=dict)
    #: Caches whose names start like a key here are placed in its way: a number of partitions, or `"filtered"` for a filter that every
    #: node passes.
    placement: dict[str, int | str] = field(default_factory=dict)


def _property(name: str, value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"<property name={quoteattr(name)} value={quoteattr(text)}/>"


def _bean(name: str, class_name: str, content: str) -> str:
    return f'<property name="{name}"><bean class="{class_name}">{content}</bean></property>'


def _template(prefix: str, placement: int | str) -> str:
    """Settings of caches that are made by a name with this prefix; other ways than by name know no partitions."""
    content = _property("name", prefix + "*")
    if isinstance(placement, int):
        content += _bean(
            "affinity",
            "org.apache.ignite.cache.affinity.rendezvous.RendezvousAffinityFunction",
            _property("partitions", placement),
        )
    else:
        # Every node lacks the attribute, and so passes.
        argument = '<constructor-arg value="an attribute"/><constructor-arg><null/></constructor-arg>'
        content += _bean("nodeFilter", "org.apache.ignite.util.AttributeNodeFilter", argument)
    return f'<bean class="org.apache.ignite.configuration.CacheConfiguration">{content}</bean>'


def _ssl(ssl: Ssl) -> str:
    stores = _property("keyStoreFilePath", ssl.key_store) + _property("keyStorePassword", ssl.key_store_password)
    if ssl.trust_store:
        stores += _property("trustStoreFilePath", ssl.trust_store) + _property("trustStorePassword", ssl.trust_store_password)
    else:
        trust_all = '<bean class="org.apache.ignite.ssl.SslContextFactory" factory-method="getDisabledTrustManager"/>'
        stores += f'<property name="trustManagers">{trust_all}</property>'
    flags = _property("sslEnabled", True) + _property("useIgniteSslContextFactory", False)
    factory = _bean("sslContextFactory", "org.apache.ignite.ssl.SslContextFactory", stores)
    return flags + _property("sslClientAuth", ssl.client_auth) + factory


def spring_xml(settings: Settings, name: str, work: Path, port: int, discovery: list[int], index: int) -> str:
    """Configuration of one node.

    Args:
        settings: Choices about the cluster.
        name: Name of the node within its run.
        work: Its own work directory.
        port: Port of its client connector.
        discovery: Discovery ports of all nodes of the cluster.
        index: Which of these is its own.
    """
    client = "org.apache.ignite.configuration."
    connector = _property("host", "127.0.0.1") + _property("port", port) + _property("portRange", 0)
    connector += "".join(_property(key, value) for key, value in settings.connector.items())
    if settings.thin_client:
        thin = "".join(_property(key, value) for key, value in settings.thin_client.items())
        connector += _bean("thinClientConfiguration", client + "ThinClientConfiguration", thin)
    if settings.ssl:
        connector += _ssl(settings.ssl)
    region = _property("name", "default") + _property("initialSize", 32 << 20) + _property("maxSize", 256 << 20)
    region += _property("persistenceEnabled", settings.authentication)
    storage = _bean("defaultDataRegionConfiguration", client + "DataRegionConfiguration", region)
    storage += _property("walSegmentSize", 4 << 20) + _property("walMode", "LOG_ONLY")
    finder_package = "org.apache.ignite.spi.discovery.tcp."
    addresses = "".join(f"<value>127.0.0.1:{number}</value>" for number in discovery)
    finder = _bean(
        "ipFinder",
        finder_package + "ipfinder.vm.TcpDiscoveryVmIpFinder",
        f'<property name="addresses"><list>{addresses}</list></property>',
    )
    spi = _property("localPort", discovery[index]) + _property("localPortRange", 0) + finder
    properties = [
        _property("igniteInstanceName", name),
        _property("consistentId", name),
        _property("localHost", "127.0.0.1"),
        _property("workDirectory", work),
        _property("metricsLogFrequency", 0),
        _property("authenticationEnabled", settings.authentication),
        _bean("clientConnectorConfiguration", client + "ClientConnectorConfiguration", connector),
        _bean("dataStorageConfiguration", client + "DataStorageConfiguration", storage),
        _bean("discoverySpi", finder_package + "TcpDiscoverySpi", spi),
    ]
    if settings.placement:
        templates = "".join(_template(prefix, placement) for prefix, placement in settings.placement.items())
        properties.append(f'<property name="cacheConfiguration"><list>{templates}</list></property>')
    if settings.calcite:
        engines = (("org.apache.ignite.indexing.IndexingQueryEngineConfiguration", True),)
        engines += (("org.apache.ignite.calcite.CalciteQueryEngineConfiguration", False),)
        beans = "".join(f'<bean class="{name}">{_property("default", default)}</bean>' for name, default in engines)
        listed = f'<property name="queryEnginesConfiguration"><list>{beans}</list></property>'
        properties.append(_bean("sqlConfiguration", client + "SqlConfiguration", listed))
    schema = "http://www.springframework.org/schema/beans"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><beans xmlns="{schema}" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="{schema} {schema}/spring-beans.xsd">'
        f'<bean class="{client}IgniteConfiguration">{"".join(properties)}</bean></beans>'
    )


def java_options(home: Path, *, jit: bool) -> list[str]:
    """Options of a node's JVM. Without `jit` it starts quickly and runs slowly: for tests, never for benchmarks."""
    opens = [f"--add-opens={package}=ALL-UNNAMED" for package in OPENED]
    heap = ["-Xms256m", "-Xmx1g" if jit else "-Xmx512m", "-XX:+UseSerialGC"]
    quick = [] if jit else ["-XX:TieredStopAtLevel=1"]
    settings = {
        "IGNITE_QUIET": "false",
        "IGNITE_UPDATE_NOTIFIER": "false",
        "IGNITE_PERFORMANCE_SUGGESTIONS_DISABLED": "true",
        "IGNITE_NO_ASCII": "true",
        "java.net.preferIPv4Stack": "true",
        "IGNITE_HOME": str(home),
    }
    return [*opens, *heap, *quick, *(f"-D{key}={value}" for key, value in settings.items())]
