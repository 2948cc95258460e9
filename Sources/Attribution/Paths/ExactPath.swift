import Foundation
import Graphs
import Kernels
import Operators
import Rewrites
import Tensors

/// The pieces of a straight path on which a piecewise linear network is linear.
///
/// Before the first node that bends, all values are affine in the position on the path; so the places
/// where its operands cross a bend are known exactly. Once the path is split there the same holds for the
/// next node, and so on. What is left are pieces on which the gradient is constant: one evaluation in
/// the middle of each gives the integral without any error but rounding.
struct ExactPath {
  /// Pieces beyond which a network is too large.
  static let largestCount = 20_000
  private static let batchSize = 16

  private let function: ModelFunction
  private let graph: Graph
  private let baseline: Tensor
  private let difference: [Double]
  private let start: [Double]
  private let rows: Int

  /// - Throws: `ModelError` that names a node which is not piecewise linear.
  init(_ function: ModelFunction, from baseline: Tensor, to point: Tensor) throws(ModelError) {
    self.function = function
    self.baseline = baseline
    rows = function.rowsTaken(for: min(Self.batchSize, function.batchSize))
    graph = try function.specialized(rows: rows)
    start = baseline.doubles
    difference = zip(point.doubles, start).map { $0 - $1 }
  }

  /// The middles and the lengths of the pieces.
  ///
  /// - Throws: `ModelError` if there are too many; what the progress throws.
  func nodes(progress: (Double) throws -> Void) throws -> [Quadrature.Node] {
    let bends = try bends()
    var edges = [0.0, 1.0]
    for (number, bend) in bends.enumerated() {
      try progress(Double(number) / Double(bends.count + 1))
      let interpreter = try bend.interpreter(of: graph, in: function.workspace)
      // Only the maxima of windows may bend again between new edges.
      repeat {
        let found = try crossings(of: bend, edges, by: interpreter)
        let merged = Self.merged(edges, found)
        guard merged.count <= Self.largestCount else {
          throw ModelError(
            "the path bends more than \(Self.largestCount) times, at node \(number + 1) of "
              + "\(bends.count) that bend; use a tolerance", kind: .usage)
        }
        guard merged.count > edges.count else { break }
        edges = merged
      } while bend.isMaximum
    }
    return zip(edges, edges.dropFirst()).map { start, end in
      Quadrature.Node(position: (start + end) / 2, weight: end - start)
    }
  }

  /// The nodes that bend, in the order of the graph.
  private func bends() throws(ModelError) -> [PathBend] {
    let input = graph.inputs[function.explained]
    let affine = graph.affineNodes(in: [input])
    var depends: Set<Value> = [input]
    var bends: [PathBend] = []
    for node in graph.nodes where node.inputs.contains(where: { $0.map(depends.contains) ?? false })
    {
      depends.formUnion(node.outputs)
      guard !affine.contains(node.outputs[0]), !node.movesElements else { continue }
      guard let bend = PathBend(node, in: graph, varying: depends) else {
        throw ModelError(
          "exact integration needs a network of linear pieces, which this operator has not; use a "
            + "tolerance", kind: .usage, node: node.label(opset: graph.opset))
      }
      bends.append(bend)
    }
    return bends
  }

  /// The places between the edges where a node bends.
  private func crossings(
    of bend: PathBend, _ edges: [Double], by interpreter: Interpreter
  ) throws(ModelError) -> [Double] {
    var found: [Double] = []
    var last: PathBend.State?
    for first in stride(from: 0, to: edges.count, by: rows) {
      let positions = Array(edges[first..<min(first + rows, edges.count)])
      let filled = positions + Array(repeating: 1.0, count: rows - positions.count)
      let elements = filled.flatMap { position in
        zip(start, difference).map { $0 + position * $1 }
      }
      let batch = Tensor(elements, shape: Shape([rows] + function.pointShape))
        .converted(to: function.elementType)
      let outputs = try interpreter.run(function.inputs(batch))
      function.count(Passes(forward: positions.count))
      for (row, position) in positions.enumerated() {
        let state = bend.state(outputs, row: row, of: rows)
        if let last {
          let previous = edges[first + row - 1]
          for share in bend.crossings(from: last, to: state) {
            found.append(previous + share * (position - previous))
          }
          guard found.count <= 10 * Self.largestCount else { return found }
        }
        last = state
      }
    }
    return found
  }

  /// All edges in order, those that differ by rounding only once.
  private static func merged(_ edges: [Double], _ found: [Double]) -> [Double] {
    var merged: [Double] = []
    for edge in (edges + found).sorted() where edge - (merged.last ?? -1) > 1e-12 {
      merged.append(edge)
    }
    return merged
  }
}
