"""What Delta stands on: store, object store, Ray, host set-up, images. Nothing here decides; imports only `models`."""
