"""What a caller knows about the deployment that a declarative file is for."""

from collections.abc import Mapping

import attrs
from attrs.converters import optional
from attrs.validators import in_, instance_of

from kong_lts.catalog.rows import Change, DeclarativeRule, When
from kong_lts.deployment import DeploymentMode
from kong_lts.versions import Edition

__all__ = ["ALONE", "Settings", "Surroundings"]

_FLAVORS = ("traditional", "traditional_compatible", "expressions")


@attrs.frozen
class Settings:
    """The arguments of `convert`, but for the file."""

    mode: DeploymentMode | None = attrs.field(converter=optional(DeploymentMode))
    edition: Edition | None = attrs.field(converter=optional(Edition))
    router_flavor: str = attrs.field(validator=in_(_FLAVORS))
    after_upgrade: bool = attrs.field(validator=instance_of(bool))
    keep_behaviour: bool = attrs.field(validator=instance_of(bool))

    def concern(self, rule: DeclarativeRule) -> bool:
        """Whether a rule speaks of this deployment; what is not known may be anything."""
        return (
            (not rule.flavors or self.router_flavor in rule.flavors)
            and (not rule.modes or self.mode is None or self.mode in rule.modes)
            and (not rule.editions or self.edition is None or self.edition in rule.editions)
        )

    def wants(self, change: Change) -> bool:
        """Whether a conversion is to be made; what depends on the unknown is not guessed."""
        if change.modes and self.mode not in change.modes:
            return False
        if change.editions and self.edition not in change.editions:
            return False
        return {
            When.ALWAYS: True,
            When.KEEP_BEHAVIOUR: self.keep_behaviour,
            When.AFTER_UPGRADE: self.after_upgrade,
            When.KEEP_AFTER_UPGRADE: self.keep_behaviour and self.after_upgrade,
        }[change.when]


@attrs.frozen(kw_only=True)
class Surroundings:
    """What other files of one configuration say that matters for this one."""

    path: str | None = None
    """The file itself."""
    version: str | None = None
    """The format that the others give, if they agree."""
    config_users: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    """Names of the plugins in the others that refer to each of `_plugin_configs`."""


ALONE = Surroundings()
