import Graphs
import Operators

/// What replaces the gradient of a Relu; every other operator keeps its own.
///
/// dy and dx are the gradients of the output y and the input:
///
///     gradient        dx = dy where y > 0, else 0
///     guided          dx = max(dy, 0) where y > 0, else 0
///     deconvolution   dx = max(dy, 0)
///
/// Only the node's own gradient is changed, before those of other readers of its input are added.
/// Clip, LeakyRelu and other units are no Relu: the papers say nothing of them, and captum leaves
/// them alone too.
enum RectifierRules: GradientRules {
  /// Springenberg et al., 2015, arXiv 1412.6806.
  case guided
  /// Zeiler and Fergus, 2014, arXiv 1311.2901.
  case deconvolution

  func gradients(_ context: inout GradientContext) throws(OperatorError) -> [Value?]? {
    guard context.node.operation is Relu else { return nil }
    let positive = try context.append(Relu(), try context.outputGradient())
    switch self {
    case .guided: return [try context.append(ReluGradient(), positive, context.output())]
    case .deconvolution: return [positive]
    }
  }

  /// The graph of the scores and of what these rules make of their gradient.
  ///
  /// - Throws: `ModelError` if no Relu is on the way, so that it would be the plain gradient.
  func walk(
    _ graph: Graph, to input: Value, for method: String
  ) throws(ModelError) -> GradientGraph {
    let walk = try graph.gradient(of: graph.outputs[0], withRespectTo: [input], rules: self)
    let rectifiers = graph.nodes.filter { $0.operation is Relu }
    guard
      rectifiers.contains(where: {
        graph.depends($0.outputs[0], on: input)
          && graph.depends(graph.outputs[0], on: $0.outputs[0])
      })
    else {
      throw ModelError(
        "\(method) changes the gradient of Relu, and there is none between "
          + "'\(graph.name(of: input))' and the scores; use gradient", kind: .usage)
    }
    return walk
  }
}
