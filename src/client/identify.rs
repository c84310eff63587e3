//! A decoded DHCP message → who asks, or why it is not for us.
