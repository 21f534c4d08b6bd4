import type { AlterDomainStmt, AlterEnumStmt, CreateDomainStmt, CreateEnumStmt, Node } from 'libpg-query'
import type { Schema } from './schema.ts'
import { dotted, type Found, isNull } from './tree.ts'
import { type TypeFact, typeOf } from './types.ts'

/** What statements do to types. */
export function createEnum({ typeName = [], vals = [] }: CreateEnumStmt, schema: Schema): readonly Found[] {
  const type = typeName.map(dotted).join('.')
  schema.types.set(type, { kind: 'enum', values: vals.map(dotted) })
  return [{ kind: 'new object', what: `creates type ${type}` }]
}

export function alterEnum({ typeName, oldVal, newVal = '' }: AlterEnumStmt, schema: Schema): readonly Found[] {
  const type = (typeName ?? []).map(dotted).join('.')
  const fact = schema.types.get(type)
  if (oldVal !== undefined)
    return [{ kind: 'renamed object', what: `renames value ${oldVal} of type ${type} to ${newVal}` }]
  if (fact?.values !== undefined) schema.types.set(type, { ...fact, values: [...fact.values, newVal] })
  return [{ kind: 'new object', what: `adds value ${newVal} to type ${type}` }]
}

/** By Postgres's letters: C adds a constraint, V validates one, O and N set and drop NOT NULL, T sets the default. */
export function alterDomain({ subtype, typeName, name, def }: AlterDomainStmt): readonly Found[] {
  const domain = (typeName ?? []).map(dotted).join('.')
  const isUnchecked = def !== undefined && 'Constraint' in def && def.Constraint.skip_validation === true
  if (subtype === 'V' || subtype === 'O' || (subtype === 'C' && !isUnchecked)) {
    return [{ kind: 'domain constraint', what: `adds a rule to domain ${domain}` }]
  }
  const rule = name === undefined ? 'a rule' : `constraint ${name}`
  return [{ kind: 'looser rule', what: `changes ${rule} of domain ${domain}` }]
}

export function createDomain(
  { domainname, typeName, constraints = [] }: CreateDomainStmt,
  schema: Schema,
): readonly Found[] {
  const domain = (domainname ?? []).map(dotted).join('.')
  const isFree = ({ contype, raw_expr }: { contype?: string; raw_expr?: Node }) =>
    contype === 'CONSTR_NULL' || (contype === 'CONSTR_DEFAULT' && isNull(raw_expr))
  const base = typeOf(typeName)
  const fact: TypeFact = {
    kind: 'domain',
    isConstrained: constraints.some((each) => 'Constraint' in each && !isFree(each.Constraint)),
    ...(base !== undefined && { base }),
  }
  schema.types.set(domain, fact)
  return [{ kind: 'new object', what: `creates domain ${domain}` }]
}
