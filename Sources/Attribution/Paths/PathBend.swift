import Graphs
import Kernels
import Operators
import Rewrites
import Tensors

/// A node whose slope changes where its operand crosses a number, or where another element becomes the
/// maximum of a window.
struct PathBend {
  /// What a node is given at one position of a path.
  struct State {
    /// The elements of the operand.
    fileprivate let elements: [Double]
    /// For each window the place of its maximum among the elements; empty for other nodes.
    fileprivate let maxima: [Int]
  }

  private enum Kind {
    /// The slope changes at these numbers.
    case thresholds([Double])
    case maximum(MaxPool)
  }

  private let operand: Value
  private let kind: Kind
  /// Differences that count as none, relative to the largest element: what rounding makes.
  private let rounding: Double

  /// Nil for a node that is not known to be piecewise linear in its first operand alone.
  init?(_ node: Node, in graph: Graph, varying: Set<Value>) {
    guard let operand = node.inputs.first ?? nil,
      node.inputs.dropFirst().allSatisfy({ $0.map { !varying.contains($0) } ?? true })
    else { return nil }
    switch node.operation {
    case is Relu, is LeakyRelu, is PRelu, is Abs: kind = .thresholds([0])
    case is Clip: kind = .thresholds(graph.bounds(of: node))
    case let pool as MaxPool where node.outputs.count == 1: kind = .maximum(pool)
    default: return nil
    }
    self.operand = operand
    rounding = graph.type(of: operand)?.elementType == .float64 ? 1e-12 : 1e-6
  }

  /// Whether new bends may appear between those that were found.
  var isMaximum: Bool {
    if case .maximum = kind { true } else { false }
  }

  /// What computes the operand of the node.
  func interpreter(
    of graph: Graph, in workspace: Workspace
  ) throws(ModelError) -> Interpreter {
    var builder = GraphBuilder(graph)
    var outputs = [operand]
    if case .maximum(let pool) = kind {
      do throws(OperatorError) {
        outputs.append(try builder.append(pool.withIndices, [operand], outputNames: [])[1])
      } catch {
        throw ModelError(error.description)
      }
    }
    builder.setOutputs(outputs)
    return Interpreter(try builder.graph.withoutDeadNodes().fused(), in: workspace)
  }

  /// What the node is given for one row of a batch.
  func state(_ outputs: [Tensor], row: Int, of rows: Int) -> State {
    let extent = outputs[0].shape.first ?? 1
    let part = max(extent / max(rows, 1), 1)
    let elements = outputs[0].rows((row * part)..<((row + 1) * part))
    let offset = row * elements.elementCount
    let maxima =
      outputs.count < 2
      ? []
      : outputs[1].rows((row * part)..<((row + 1) * part)).elements(as: Int64.self).map {
        Int($0) - offset
      }
    return State(elements: elements.doubles, maxima: maxima)
  }

  /// The shares of the way from one state to the next at which the node bends.
  func crossings(from a: State, to b: State) -> [Double] {
    let size = zip(a.elements, b.elements).reduce(0) { max($0, max(abs($1.0), abs($1.1))) }
    let least = rounding * size
    var shares: [Double] = []
    func add(_ before: Double, _ after: Double) {
      guard min(abs(before), abs(after)) > least, (before < 0) != (after < 0) else { return }
      shares.append(before / (before - after))
    }
    switch kind {
    case .thresholds(let thresholds):
      for (before, after) in zip(a.elements, b.elements) {
        for threshold in thresholds { add(before - threshold, after - threshold) }
      }
    case .maximum:
      for (first, second) in zip(a.maxima, b.maxima)
      where first != second && a.elements.indices.contains(first)
        && a.elements.indices.contains(second)
      {
        add(a.elements[first] - a.elements[second], b.elements[first] - b.elements[second])
      }
    }
    return shares
  }
}

extension Graph {
  /// The numbers at which a Clip bends.
  fileprivate func bounds(of node: Node) -> [Double] {
    let attributes = ["min", "max"].compactMap { name -> Double? in
      guard case .float(let number)? = node.attributes?[name] else { return nil }
      return number
    }
    let operands = node.inputs.dropFirst().compactMap { input in
      input.flatMap { constant(of: $0) }?.converted(to: .float64).elements(as: Double.self).first
    }
    return attributes + operands
  }
}
