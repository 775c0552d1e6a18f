"""The person who calls, played: ear, mind and voice."""
