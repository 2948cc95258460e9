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
    let point = try compute(value, from: sample)[0]
    guard point.elementType.isFloatingPoint else {
      throw ModelError(
        "layer '\(layer)' holds \(point.elementType), which gets no attribution; name one of "
          + "floating-point numbers behind it, inspect --layers lists all", kind: .usage)
    }
    let starts = try baselines.map { (baseline) throws(ModelError) in
      var reference = sample
      reference[index] = baseline
      return try compute(value, from: reference)[0]
    }
    return LayerInput(
      graph: try model.graph.cut(at: value, like: point), inputs: sample + [point],
      baselines: starts)
  }
}

extension Graph {
  /// The graph from a layer on, whose value for one sample is like this one: a new last input.
  func cut(at value: Value, like point: Tensor) throws(ModelError) -> Graph {
    let dimensions = point.shape.enumerated().map { axis, extent in
      axis == 0 ? Dimension.symbolic("batch") : .fixed(extent)
    }
    return try cut(at: value, declared: DeclaredType(point.elementType, dimensions))
  }
}
