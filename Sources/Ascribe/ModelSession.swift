import Attribution
import Foundation
import Graphs
import Kernels
import Rewrites
public import Tensors

/// A model at work: it keeps compiled kernels and recycled memory between calls. A session belongs to
/// one thread.
public final class ModelSession {
  /// The model at work.
  public let model: Model

  let workspace = Workspace()
  var functions: [FunctionKey: ModelFunction] = [:]
  private var runners: [RunnerKey: Interpreter] = [:]

  struct FunctionKey: Hashable {
    let input: Int
    let layer: String?
    let shape: Shape
    let space: TargetSpace
    let margins: [Margin]
    let batching: Batching
  }

  private struct RunnerKey: Hashable {
    let shapes: [Shape]
    let value: Value?
  }

  /// A session of `model` with empty caches.
  public init(_ model: Model) { self.model = model }

  /// All outputs for these inputs, one tensor per input of the model.
  ///
  /// Rows are run one by one where the model declares batches of one.
  ///
  /// - Throws: `ModelError` if an input does not fit or a node fails.
  public func run(_ inputs: [Tensor]) throws -> [Tensor] {
    do throws(ModelError) {
      return try outputs(of: inputs)
    } catch {
      throw error.inFile(model.url.relativePath)
    }
  }

  private func outputs(of inputs: [Tensor]) throws(ModelError) -> [Tensor] {
    let rows = inputs.first?.shape.first ?? 1
    let declaresOne = model.inputs.first?.dimensions?.first == 1
    guard declaresOne, rows > 1, inputs.allSatisfy({ $0.shape.first == rows }) else {
      return try compute(nil, from: inputs)
    }
    let results = try (0..<rows).map { (row) throws(ModelError) in
      try compute(nil, from: inputs.map { $0.rows(row..<(row + 1)) })
    }
    return results[0].indices.map { index in Tensor(stacking: results.map { $0[index] }) }
  }

  /// One inner value for these inputs; all outputs where it is nil.
  func compute(_ value: Value?, from inputs: [Tensor]) throws(ModelError) -> [Tensor] {
    try runner(value, for: inputs).run(inputs)
  }

  /// One inner value for one sample, the first output where it is nil; a model that takes no other
  /// number of samples than it declares gets so many of it.
  func computeOne(_ value: Value?, from sample: [Tensor]) throws(ModelError) -> Tensor {
    do throws(ModelError) {
      guard let first = try compute(value, from: sample).first else {
        throw ModelError("the model has no output")
      }
      return first
    } catch {
      let batch = model.graph.inputs.indices.map(model.graph.batch).max() ?? 1
      guard batch > 1 else { throw error }
      let repeated = sample.enumerated().map { index, tensor in
        tensor.shape.first == 1 && model.graph.batch(ofInput: index) == batch
          ? Tensor(stacking: Array(repeating: tensor, count: batch)) : tensor
      }
      guard let all = try? compute(value, from: repeated).first, all.shape.first == batch else {
        throw error
      }
      return all.rows(0..<1)
    }
  }

  /// What computes one inner value, or all outputs, for inputs like these.
  func runner(_ value: Value?, for inputs: [Tensor]) throws(ModelError) -> Interpreter {
    let key = RunnerKey(shapes: inputs.map(\.shape), value: value)
    if let runner = runners[key] { return runner }
    let source = value.map { model.graph.selecting([$0]) } ?? model.graph
    let (graph, isGeneral) = try source.specialized(for: inputs, in: workspace)
    let fused = try graph.simplified().fused()
    let runner = Interpreter(
      model.precision == .bf16 ? try fused.narrowed(gradientsOnly: false) : fused, in: workspace)
    if isGeneral { runners[key] = runner }
    return runner
  }
}
