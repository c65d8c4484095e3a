"""The learned side: text to vectors, and the nearest among many vectors. Heavy libraries load on first use."""
