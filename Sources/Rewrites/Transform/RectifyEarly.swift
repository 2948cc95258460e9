package import Graphs
import Operators

extension Graph {
  /// The graph with each layer before a Relu, where the layer reads what is not negative, rectified once
  /// before the negative weights have their say.
  ///
  ///     Relu(W h + b) = Relu(Relu(W⁺ h + b) - W⁻ h)     for h >= 0, W = W⁺ - W⁻
  ///
  /// If W⁺ h + b is negative, so is W h + b, since W⁻ h is not; else the inner Relu does nothing. This is what
  /// takes f = ReLU(ReLU(x1) - 1 - ReLU(x2)) to g = ReLU(ReLU(x1 - 1) - ReLU(x2)), the networks
  /// that Sundararajan et al. (2017) tell DeepLIFT and LRP from Integrated Gradients by.
  ///
  /// Law: the function is the same, and its gradient wherever there is one. For a graph that is not
  /// specialised.
  ///
  /// - Throws: `ModelError` if an operator refuses its inputs.
  package func rectifyingEarly() throws(ModelError) -> Graph {
    let isNotNegative = valuesThatAreNotNegative
    let consumers = consumers
    return try rewritingLayers { node, weights, rebuilder throws(ModelError) in
      let readers = consumers[node.outputs[0].index]
      guard !readers.isEmpty, !outputs.contains(node.outputs[0]),
        readers.allSatisfy({ nodes[$0].operation is Relu }),
        let input = node.inputs[0], isNotNegative[input.index]
      else { return nil }
      let speaking = rebuilder.layer(
        like: node, weights: weights.map { max($0, 0) }, name: "for", keepsBias: true)
      let early = rebuilder.builder.node(Relu(), speaking, name: "\(node.name)/early")
      let against = rebuilder.layer(
        like: node, weights: weights.map { max(-$0, 0) }, name: "against", keepsBias: false)
      return rebuilder.builder.node(Sub(), early, against, name: "\(node.name)/whole")
    }
  }

  /// By value index, whether a Relu makes the value, or what only moves or pools what a Relu makes.
  private var valuesThatAreNotNegative: [Bool] {
    var result = [Bool](repeating: false, count: records.count)
    for node in nodes {
      let isKept = node.inputs.first.flatMap { $0.map { result[$0.index] } } ?? false
      let isNotNegative =
        switch node.operatorName {
        case "Relu", "Sigmoid", "Abs": true
        case "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "Flatten", "Reshape",
          "Squeeze", "Unsqueeze", "Identity", "Dropout", "Transpose":
          isKept
        case "Concat", "Add", "Sum", "Max":
          node.inputs.allSatisfy { $0.map { result[$0.index] } ?? true }
        default: false
        }
      if isNotNegative { result[node.outputs[0].index] = true }
    }
    return result
  }
}
