"""The doors: the only room that speaks gRPC to callers. Each decodes, asks the hall, and renders."""
