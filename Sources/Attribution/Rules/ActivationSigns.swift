import Graphs

/// What is known of the signs of values, which saves rules the terms that are zero.
struct ActivationSigns: Sendable {
  private let nonnegative: Set<Value>
  private let rectified: Set<Value>

  init(_ graph: Graph) {
    var nonnegative: Set<Value> = []
    for node in graph.nodes {
      let isJoined = Self.joining.contains(node.operatorName)
      guard
        Self.rectifying.contains(node.operatorName)
          || isJoined
            && node.inputs.prefix(Self.reads(node)).allSatisfy({ input in
              input.map(nonnegative.contains) ?? false
            })
      else { continue }
      nonnegative.formUnion(node.outputs)
    }
    self.nonnegative = nonnegative
    let consumers = graph.consumers
    rectified = Set(
      graph.values.filter { value in
        let readers = consumers[value.index]
        return !readers.isEmpty && !graph.outputs.contains(value)
          && readers.allSatisfy { graph.nodes[$0].operatorName == "Relu" }
      })
  }

  /// Whether a value has no negative elements, whatever the input is.
  func isNonnegative(_ value: Value) -> Bool { nonnegative.contains(value) }

  /// Whether a value is read by Relu alone, so that no relevance comes to its negative elements.
  func isRectified(_ value: Value) -> Bool { rectified.contains(value) }

  private static let rectifying: Set = ["Relu", "Sigmoid", "Softplus", "HardSigmoid"]

  private static let joining: Set = [
    "Add", "AveragePool", "Concat", "Dropout", "Flatten", "GlobalAveragePool", "GlobalMaxPool",
    "Identity", "MaxPool", "Reshape", "Slice", "Split", "Squeeze", "Sum", "Transpose", "Unsqueeze",
  ]

  /// How many of the inputs are data.
  private static func reads(_ node: Node) -> Int {
    ["Add", "Concat", "Sum"].contains(node.operatorName) ? node.inputs.count : 1
  }
}
