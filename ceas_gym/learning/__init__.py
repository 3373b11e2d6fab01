"""The distributed quantum neural network: data, circuit, gradients. It never imports the network."""
