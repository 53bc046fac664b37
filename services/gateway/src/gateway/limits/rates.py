"""Buckets of one set of rates: a tenant's own, or the general ones."""

from dataclasses import dataclass
from typing import Self

from plexuskit.buckets import Buckets

from gateway.config import RateSection, RatesSection
from gateway.limits.classes import MethodClass


@dataclass(frozen=True, slots=True)
class Rates:
    """Buckets of people, of apps and of whole tenants.

    Attributes:
        person: by class of method; a class that is missing has no rate.
        app: likewise, for each API token.
        tokens: likewise, for all API tokens of a person together; as large as the person's (GW-9).
        tenant: for all calls of a tenant.
    """

    person: dict[MethodClass, Buckets]
    app: dict[MethodClass, Buckets]
    tokens: dict[MethodClass, Buckets]
    tenant: Buckets

    @classmethod
    def of(cls, section: RatesSection, *, kept: int) -> Self:
        """Make the buckets of some settings; `kept` of each sort are remembered."""

        def buckets(rate: RateSection) -> Buckets:
            return Buckets(per_second=rate.per_second, burst=rate.burst, kept=kept)

        return cls(
            person={
                MethodClass.READ: buckets(section.person_read),
                MethodClass.CHANGE: buckets(section.person_change),
            },
            app={
                MethodClass.READ: buckets(section.app_read),
                MethodClass.CHANGE: buckets(section.app_change),
            },
            tokens={
                MethodClass.READ: buckets(section.person_read),
                MethodClass.CHANGE: buckets(section.person_change),
            },
            tenant=buckets(section.tenant),
        )

    def largest(self, kind: MethodClass) -> int:
        """Return the burst of the largest bucket of a class; more than that counts as that."""
        of_kind = (buckets[kind].burst for buckets in (self.person, self.app) if kind in buckets)
        return max(of_kind, default=1)
