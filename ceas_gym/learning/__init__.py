"""The distributed quantum neural network: data, circuit, gradients. Never imports the network."""
