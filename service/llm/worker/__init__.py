"""What runs inside the process that owns a model; nothing else imports llama.cpp."""
