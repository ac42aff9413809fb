"""The option types of the SDK under one roof: it keeps each beside its operation."""

from svix.api.application import ApplicationListOptions
from svix.api.background_task import BackgroundTaskListOptions
from svix.api.endpoint import EndpointListOptions
from svix.api.event_type import EventTypeDeleteOptions, EventTypeListOptions
from svix.api.message import MessageCreateOptions, MessageGetOptions, MessageListOptions
from svix.api.message_attempt import (
    MessageAttemptListAttemptedMessagesOptions,
    MessageAttemptListByEndpointOptions,
    MessageAttemptListByMsgOptions,
)
from svix.api.message_poller import MessagePollerConsumerPollOptions, MessagePollerPollOptions
from svix.api.operational_webhook_endpoint import OperationalWebhookEndpointListOptions

__all__ = [name for name in dir() if name.endswith("Options")]
