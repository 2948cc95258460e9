import Graphs
import Kernels
import Operators
import Tensors

/// A graph of float64 vectors, for tests that read like formulas.
struct Formula {
  var builder = GraphBuilder()

  mutating func input(_ name: String, _ shape: Shape = [2]) -> Value {
    builder.input(name, TensorType(.float64, shape))
  }

  mutating func constant(_ elements: [Double]) -> Value { builder.constant(Tensor(elements)) }

  mutating func apply(_ operation: any Operator, _ inputs: Value...) throws -> Value {
    try builder.append(operation, inputs.map(Optional.some))[0]
  }

  mutating func graph(_ outputs: Value...) -> Graph {
    builder.setOutputs(outputs)
    return builder.graph
  }
}

/// The outputs of a graph for vectors of float64.
func run(_ graph: Graph, _ inputs: [Double]...) throws -> [[Double]] {
  let tensors = zip(graph.inputs, inputs).map { input, elements in
    Tensor(elements, shape: graph.type(of: input)?.shape ?? [elements.count])
  }
  return try Interpreter(graph, in: Workspace()).run(tensors).map { $0.elements(as: Double.self) }
}
