"""What the key user has set, as the rules by which service notifications are decided."""

from __future__ import annotations

from datetime import timedelta

from agent.notifications.policy import NotificationRules
from agent.settings import Settings


def notification_rules_of(settings: Settings) -> NotificationRules:
    """The rules of service notifications as the key user set them; a portal without an API takes none."""
    wanted = settings.service_notifications
    return NotificationRules(
        armed=wanted.armed and not settings.by_hand.enabled,
        classes=wanted.classes,
        lasting=timedelta(minutes=wanted.lasting_minutes),
        pause=timedelta(days=wanted.pause_days),
        max_open_per_equipment=wanted.max_open_per_equipment,
        max_per_day=wanted.max_per_day,
    )
