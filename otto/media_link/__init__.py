"""Audio between the ingress, which holds Twilio's socket, and a call's workers."""
