"""Models through llama.cpp: embedder, writer, model files. The only room that imports `llama_cpp`."""
