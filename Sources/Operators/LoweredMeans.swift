package import Graphs
import Kernels
import Tensors

/// The parts from the second one on, and the last one again.
extension NextPoint: Lowerable {
  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let x = try context.input(0)
    let size = (try context.shape(of: x).first ?? 0) / count
    let (end, axis) = (context.integers([Int.max]), context.integers([0]))
    let others = try context.append(Slice(), x, context.integers([size]), end, axis)
    let last = try context.append(Slice(), x, context.integers([-size]), end, axis)
    return [try context.append(Concat(axis: 0), others, last)]
  }
}

/// Of a way up to `rise` above zero and down to `fall` below it, the share above is rise / (rise + fall).
extension MeanReluGradient: Lowerable {
  package func lowered(_ context: inout LoweringContext) throws(OperatorError) -> [Value] {
    let x = try context.input(0)
    var sum = try context.input(1)
    for term in context.inputs.dropFirst(2) { sum = try context.append(Add(), sum, term) }
    let next = try context.append(NextPoint(count: count), x)
    let rise = try context.append(Relu(), context.append(Max(), x, next))
    let depth = try context.append(Neg(), context.append(Min(), x, next))
    let way = try context.append(Add(), rise, context.append(Relu(), depth))
    let product = try context.append(Mul(), sum, context.append(Div(), rise, way))
    let isRising = try context.append(Greater(), rise, context.scalar(0, like: x))
    return [try context.keep(product, where: isRising)]
  }
}
