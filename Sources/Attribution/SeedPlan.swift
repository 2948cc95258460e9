import Graphs
import Kernels
import Rewrites
import Tensors

/// A gradient graph in two parts, so that many seeds share what does not depend on them: the forward pass
/// is run once, the backward pass once for each target.
final class SeedPlan {
  private let forward: Interpreter
  private let backward: Interpreter
  private let crossingCount: Int
  private let scoreCount: Int
  /// The type of the seed.
  let seed: TensorType

  /// - Parameters:
  ///   - graph: its last input is the seed, its last output the gradient, on which alone the seed has an
  ///     influence.
  ///   - keepsLayouts: whether gradients are left in the layout that they were computed in.
  /// - Throws: `ModelError` if the graph has no seed.
  init(_ graph: Graph, in workspace: Workspace, keepsLayouts: Bool = false) throws(ModelError) {
    guard let input = graph.inputs.last, let seed = graph.type(of: input) else {
      throw ModelError("the gradient has no seed", kind: .fault)
    }
    let parts = try graph.hoistingInvariants(from: [input])
    self.seed = seed
    crossingCount = parts.crossingCount
    scoreCount = graph.outputs.count - 1
    forward = Interpreter(parts.invariant, in: workspace, keepsLayouts: true)
    backward = Interpreter(parts.varying, in: workspace, keepsLayouts: keepsLayouts)
  }

  /// What a forward pass leaves for the backward ones.
  struct Activations {
    fileprivate let values: [Tensor]
    /// All outputs of the graph but the last, which is the gradient.
    let outputs: [Tensor]
    /// The gradient, where it is zero for every seed.
    fileprivate let constantGradient: Tensor?
  }

  /// Runs what does not depend on the seed.
  ///
  /// - Parameter inputs: all inputs of the graph but the seed.
  func activations(_ inputs: [Tensor]) throws(ModelError) -> Activations {
    let values = try forward.run(inputs)
    let outputs = values.dropFirst(crossingCount).map(forward.workspace.rowMajor)
    return Activations(
      values: Array(values.prefix(crossingCount)), outputs: Array(outputs.prefix(scoreCount)),
      constantGradient: outputs.dropFirst(scoreCount).first)
  }

  /// The last output of the graph for a seed.
  func gradient(_ activations: Activations, seed: Tensor) throws(ModelError) -> Tensor {
    if let gradient = activations.constantGradient { return gradient }
    return try backward.run([seed] + activations.values)[0]
  }
}
