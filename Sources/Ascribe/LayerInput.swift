import Attribution
import Graphs
import Rewrites
import Tensors

/// What a model computes from an inner value on, for one sample.
struct LayerInput {
  /// The model with the layer's value as a new last input.
  let graph: Graph
  /// The inputs of the sample, and behind them the layer's value.
  let inputs: [Tensor]
  /// The layer's value for each baseline.
  let baselines: [Tensor]
}

extension ModelSession {
  /// The model from a layer on, at the layer's values for a sample and for baselines.
  ///
  /// - Parameters:
  ///   - sample: one tensor per input of the model.
  ///   - index: the input that baselines are of.
  /// - Throws: `ModelError` if there is no such layer, or if it holds integers.
  func rest(
    from layer: String, of sample: [Tensor], at index: Int, baselines: [Tensor]
  ) throws(ModelError) -> LayerInput {
    let value = try model.graph.layer(named: layer)
    let point = try computeOne(value, from: sample)
    guard point.elementType.isFloatingPoint else {
      throw ModelError(
        "layer '\(layer)' holds \(point.elementType), which gets no attribution; name one of "
          + "floating-point numbers behind it, inspect --layers lists all", kind: .usage)
    }
    let starts = try baselines.map { (baseline) throws(ModelError) in
      var reference = sample
      reference[index] = baseline
      return try computeOne(value, from: reference)
    }
    return LayerInput(
      graph: try model.graph.cut(at: value, like: point), inputs: sample + [point],
      baselines: starts)
  }
}

extension Graph {
  /// Refuses scores that are computed before a layer, from which on `rest` computes.
  func requireScores(
    _ space: TargetSpace, behind layer: String, in rest: Graph
  ) throws(ModelError) {
    guard case .output(let name) = space, let scores = try? scores(in: space).value,
      !rest.outputs.contains(where: { rest.name(of: $0) == name }),
      let value = try? self.layer(named: layer),
      value != scores, !depends(scores, on: value)
    else { return }
    throw ModelError(
      "--target-space '\(name)' does not lie behind --layer '\(layer)'; name a layer before it",
      kind: .usage)
  }

  /// Refuses a layer of a method that is computed before the one from which on `rest` computes.
  func requireLayer(
    _ name: String, behind layer: String, in rest: Graph
  ) throws(ModelError) {
    _ = try self.layer(named: name)
    guard (try? rest.layer(named: name)) == nil else { return }
    throw ModelError(
      "layer '\(name)' of the method does not lie behind --layer '\(layer)'; name one that does, or a "
        + "--layer before it", kind: .usage)
  }

  /// The graph from a layer on, whose value for one sample is like this one: a new last input.
  func cut(at value: Value, like point: Tensor) throws(ModelError) -> Graph {
    let dimensions = point.shape.enumerated().map { axis, extent in
      axis == 0 ? Dimension.symbolic("batch") : .fixed(extent)
    }
    return try cut(at: value, declared: DeclaredType(point.elementType, dimensions))
  }
}
